;; Who may be entered while who is running. By the spec, entering from within a component only asks
;; of those that are not already around the caller.

;; A parent calls its child.
;; Wasmtime 48 traps here: it has the older rule, by which no two of a family may call each other.
(component
  (component $Child
    (core module $M (func (export "f") (result i32) (i32.const 7)))
    (core instance $m (instantiate $M))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (instance $child (instantiate $Child))
  (core func $f (canon lower (func $child "f")))
  (core module $M
    (import "" "f" (func $f (result i32)))
    (func (export "run") (result i32) (i32.add (call $f) (i32.const 1))))
  (core instance $m (instantiate $M (with "" (instance (export "f" (func $f))))))
  (func (export "parent-to-child") (result u32) (canon lift (core func $m "run"))))
(assert_return (invoke "parent-to-child") (u32.const 8))

;; A child calls its parent, which is not running.
;; Wasmtime 48 traps here, too.
(component
  (core module $Base (func (export "f") (result i32) (i32.const 5)))
  (core instance $base (instantiate $Base))
  (func $f (result u32) (canon lift (core func $base "f")))
  (component $Child
    (import "f" (func $f (result u32)))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32) (i32.mul (call $f) (i32.const 3))))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $child (instantiate $Child (with "f" (func $f))))
  (export "child-to-parent" (func $child "run")))
(assert_return (invoke "child-to-parent") (u32.const 15))

;; A component calls itself.
;; Wasmtime traps here in all releases so far.
(component
  (core module $Base (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))
  (core instance $base (instantiate $Base))
  (func $f (param "x" u32) (result u32) (canon lift (core func $base "f")))
  (core func $f' (canon lower (func $f)))
  (core module $M
    (import "" "f" (func $f (param i32) (result i32)))
    (func (export "run") (result i32) (call $f (call $f (i32.const 10)))))
  (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
  (func (export "to-itself") (result u32) (canon lift (core func $m "run"))))
(assert_return (invoke "to-itself") (u32.const 40))

;; A sibling that is running is not entered again: first calls second, second the parent (which may
;; be entered), and the parent calls first.
(component
  ;; The parent's function calls what is put into a table when all is there.
  (core module $Late
    (type $ft (func (result i32)))
    (table (export "table") 1 funcref)
    (func (export "call") (result i32) (call_indirect (type $ft) (i32.const 0))))
  (core instance $late (instantiate $Late))
  (func $late-call (result u32) (canon lift (core func $late "call")))
  (component $Passing
    (import "next" (func $next (result u32)))
    (core func $next' (canon lower (func $next)))
    (core module $M
      (import "" "next" (func $next (result i32)))
      (func (export "go") (result i32) (call $next))
      (func (export "stop") (result i32) (i32.const 3)))
    (core instance $m (instantiate $M (with "" (instance (export "next" (func $next'))))))
    (func (export "go") (result u32) (canon lift (core func $m "go")))
    (func (export "stop") (result u32) (canon lift (core func $m "stop"))))
  (instance $second (instantiate $Passing (with "next" (func $late-call))))
  (instance $first (instantiate $Passing (with "next" (func $second "go"))))
  (core func $stop (canon lower (func $first "stop")))
  (core module $Fill
    (import "" "table" (table 1 funcref))
    (import "" "stop" (func $stop (result i32)))
    (elem (i32.const 0) func $stop))
  (core instance (instantiate $Fill (with "" (instance
    (export "table" (table $late "table")) (export "stop" (func $stop))))))
  (export "around" (func $first "go"))
  (export "straight" (func $first "stop")))
(assert_return (invoke "straight") (u32.const 3))
(assert_trap (invoke "around") "cannot enter component instance")

;; A child drops its parent's resource: the destructor runs in the parent.
(component
  (core module $Graves
    (global $sum (mut i32) (i32.const 0))
    (func (export "dtor") (param i32)
      (global.set $sum (i32.add (global.get $sum) (local.get 0))))
    (func (export "sum") (result i32) (global.get $sum)))
  (core instance $graves (instantiate $Graves))
  (type $R (resource (rep i32) (dtor (core func $graves "dtor"))))
  (canon resource.new $R (core func $new))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32)))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0))))
  (core instance $m (instantiate $M (with "" (instance (export "new" (func $new))))))
  (func $make (param "rep" u32) (result (own $R)) (canon lift (core func $m "make")))
  (component $Child
    (import "R" (type $R (sub resource)))
    (import "make" (func $make (param "rep" u32) (result (own $R))))
    (canon resource.drop $R (core func $drop))
    (core func $make' (canon lower (func $make)))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (global $made (mut i32) (i32.const 0))
      (func (export "make") (global.set $made (call $make (i32.const 9))))
      (func (export "drop") (call $drop (global.get $made))))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make'))))))
    (func (export "make") (canon lift (core func $m "make")))
    (func (export "drop") (canon lift (core func $m "drop"))))
  (instance $child (instantiate $Child (with "R" (type $R)) (with "make" (func $make))))
  (export "make" (func $child "make"))
  (export "drop" (func $child "drop"))
  (func (export "sum") (result u32) (canon lift (core func $graves "sum"))))
(assert_return (invoke "sum") (u32.const 0))
;; Wasmtime 48 lets a child drop what is its parent's, but not call its parent to get it.
(assert_return (invoke "make"))
(assert_return (invoke "drop"))
(assert_return (invoke "sum") (u32.const 9))

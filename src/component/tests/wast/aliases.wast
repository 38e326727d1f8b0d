;; Aliases name what is elsewhere: an export, an export of a core instance, something further out.

(component
  (component $Inner
    (core module $M
      (func (export "twice") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1))))
    (core instance $m (instantiate $M))
    ;; A core export, spelt out.
    (alias core export $m "twice" (core func $twice))
    (func $lifted (param "x" u32) (result u32) (canon lift (core func $twice)))
    (instance $bundle (export "twice" (func $lifted)))
    (export "bundle" (instance $bundle)))
  (instance $inner (instantiate $Inner))
  ;; An export of an export.
  (alias export $inner "bundle" (instance $bundle))
  (alias export $bundle "twice" (func $twice))
  (export "twice" (func $twice)))
(assert_return (invoke "twice" (u32.const 21)) (u32.const 42))

;; Outer aliases: of a type, of a core module and of a component, over one and over two levels.
(component $Outermost
  (type $small (record (field "x" u8) (field "y" s8)))
  (core module $M
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (component $Leaf
    (alias outer $Outermost $M (core module $M'))
    (core instance $m (instantiate $M'))
    (alias outer $Outermost $small (type $small-type'))
    (export $small' "small" (type $small-type'))
    (func (export "sum") (param "p" $small') (result s16) (canon lift (core func $m "add"))))
  (component $Middle
    (component $Deep
      (alias outer $Outermost $Leaf (component $Leaf'))
      (instance $leaf (instantiate $Leaf'))
      (export "leaf" (instance $leaf)))
    (instance $deep (instantiate $Deep))
    (alias export $deep "leaf" (instance $leaf))
    (export "leaf" (instance $leaf)))
  (instance $middle (instantiate $Middle))
  (export "leaf" (instance $middle "leaf")))
(assert_return
  (invoke "leaf#sum" (record.const (field "x" u8.const 200) (field "y" s8.const -100)))
  (s16.const 100))

;; All sorts of core exports: a function, a memory, a table, a global.
(component
  (core module $All
    (memory (export "m") 1)
    (table (export "t") 1 funcref)
    (global (export "g") i32 (i32.const 5))
    (func $three (export "f") (result i32) (i32.const 3))
    (elem (i32.const 0) func $three)
    (data (i32.const 4) "\07"))
  (core instance $all (instantiate $All))
  (alias core export $all "m" (core memory $m))
  (alias core export $all "t" (core table $t))
  (alias core export $all "g" (core global $g))
  (alias core export $all "f" (core func $f))
  (core module $Sum
    (type $ft (func (result i32)))
    (import "" "m" (memory 1))
    (import "" "t" (table 1 funcref))
    (import "" "g" (global $g i32))
    (import "" "f" (func $f (result i32)))
    (func (export "sum") (result i32)
      (i32.add
        (i32.add (i32.load8_u (i32.const 4)) (call_indirect (type $ft) (i32.const 0)))
        (i32.add (global.get $g) (call $f)))))
  (core instance $sum (instantiate $Sum (with "" (instance
    (export "m" (memory $m)) (export "t" (table $t)) (export "g" (global $g))
    (export "f" (func $f))))))
  (func (export "sum") (result u32) (canon lift (core func $sum "sum"))))
(assert_return (invoke "sum") (u32.const 18))

;; What is not exported cannot be aliased, and what is further out has to be there.
(assert_invalid
  (component (component $c) (instance $i (instantiate $c)) (alias export $i "f" (func)))
  "no export")
(assert_invalid (component (alias outer 7 0 (type))) "invalid outer alias count")

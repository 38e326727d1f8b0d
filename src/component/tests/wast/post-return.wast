;; post-return runs after the result has been lifted, with the flat results, and may call nobody.

(component
  (core module $M
    (memory (export "mem") 1)
    (data (i32.const 16) "gone soon")
    (global $freed (mut i32) (i32.const 0))
    (global $count (mut i32) (i32.const 0))
    (func (export "text") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 9))
      (i32.const 0))
    ;; Wipes the text: if it ran before the result was lifted, everybody would see it.
    (func (export "free") (param $retptr i32)
      (global.set $freed (local.get $retptr))
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (memory.fill (i32.const 17) (i32.const 0x2e) (i32.const 8)))
    (func (export "number") (result i32) (i32.const 77))
    (func (export "note") (param i32) (global.set $freed (local.get 0)))
    (func (export "freed") (result i32) (global.get $freed))
    (func (export "count") (result i32) (global.get $count)))
  (core instance $m (instantiate $M))
  (func (export "text") (result string)
    (canon lift (core func $m "text") (memory (core memory $m "mem"))
      (post-return (core func $m "free"))))
  (func (export "number") (result u8)
    (canon lift (core func $m "number") (post-return (core func $m "note"))))
  (func (export "freed") (result u32) (canon lift (core func $m "freed")))
  (func (export "count") (result u32) (canon lift (core func $m "count"))))

(assert_return (invoke "count") (u32.const 0))
(assert_return (invoke "text") (str.const "gone soon"))
(assert_return (invoke "count") (u32.const 1))
(assert_return (invoke "text") (str.const "g........"))
(assert_return (invoke "number") (u8.const 77))
(assert_return (invoke "freed") (u32.const 77))

;; A trap in post-return is a trap of the call.
(component
  (core module $M (func (export "f")) (func (export "no") unreachable))
  (core instance $m (instantiate $M))
  (func (export "f") (canon lift (core func $m "f") (post-return (core func $m "no")))))
(assert_trap (invoke "f") "unreachable")

(component definition $Leaving
  (component $Out
    (core module $M (func (export "f")))
    (core instance $m (instantiate $M))
    (func (export "f") (canon lift (core func $m "f"))))
  (instance $out (instantiate $Out))
  (component $Cleaner
    (import "f" (func $f))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f))
      (func (export "work"))
      (func (export "clean") (call $f)))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "work") (canon lift (core func $m "work") (post-return (core func $m "clean")))))
  (instance $cleaner (instantiate $Cleaner (with "f" (func $out "f"))))
  (component $Asker
    (import "work" (func $work))
    (core func $work' (canon lower (func $work)))
    (core module $M
      (import "" "work" (func $work))
      (func (export "ask") (call $work)))
    (core instance $m (instantiate $M (with "" (instance (export "work" (func $work'))))))
    (func (export "ask") (canon lift (core func $m "ask"))))
  (instance $asker (instantiate $Asker (with "work" (func $cleaner "work"))))
  (export "work" (func $cleaner "work"))
  (export "ask" (func $asker "ask")))

;; The host calls: it may not leave.
(component instance $1 $Leaving)
(assert_trap (invoke "work") "cannot leave component instance")
;; Another component calls: it may not leave either.
(component instance $2 $Leaving)
(assert_trap (invoke "ask") "cannot leave component instance")

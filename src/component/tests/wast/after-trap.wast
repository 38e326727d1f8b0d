;; What trapped is not entered again, and its siblings in other stores do not mind.

(component definition $Fragile
  (core module $M
    (func (export "fine") (result i32) (i32.const 1))
    (func (export "broken") unreachable)
    (func (export "bad-char") (result i32) (i32.const 0xd800)))
  (core instance $m (instantiate $M))
  (func (export "fine") (result u32) (canon lift (core func $m "fine")))
  (func (export "broken") (canon lift (core func $m "broken")))
  (func (export "bad-char") (result char) (canon lift (core func $m "bad-char"))))

(component instance $a $Fragile)
(component instance $b $Fragile)
(assert_return (invoke $a "fine") (u32.const 1))
(assert_trap (invoke $a "broken") "unreachable")
(assert_trap (invoke $a "fine") "cannot enter component instance")
(assert_trap (invoke $a "broken") "cannot enter component instance")
(assert_return (invoke $b "fine") (u32.const 1))

;; A trap in lifting the result is a trap like any other.
(assert_trap (invoke $b "bad-char") "converted integer out of range for `char`")
(assert_trap (invoke $b "fine") "cannot enter component instance")

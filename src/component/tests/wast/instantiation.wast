;; Components are instantiated with arguments, each time with a state of their own.

(component $Counters
  (component $Counter
    (import "step" (func $step (result u32)))
    (core func $step' (canon lower (func $step)))
    (core module $M
      (import "host" "step" (func $step (result i32)))
      (global $count (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $count (i32.add (global.get $count) (call $step)))
        (global.get $count)))
    (core instance $m (instantiate $M (with "host" (instance (export "step" (func $step'))))))
    (func (export "next") (result u32) (canon lift (core func $m "next"))))

  (component $Constant
    (core module $M
      (func (export "one") (result i32) (i32.const 1))
      (func (export "ten") (result i32) (i32.const 10)))
    (core instance $m (instantiate $M))
    (func (export "one") (result u32) (canon lift (core func $m "one")))
    (func (export "ten") (result u32) (canon lift (core func $m "ten"))))

  (instance $constant (instantiate $Constant))
  (instance $slow (instantiate $Counter (with "step" (func $constant "one"))))
  (instance $fast (instantiate $Counter (with "step" (func $constant "ten"))))
  (export "slow" (func $slow "next"))
  (export "fast" (func $fast "next")))

(assert_return (invoke "slow") (u32.const 1))
(assert_return (invoke "fast") (u32.const 10))
(assert_return (invoke "slow") (u32.const 2))
(assert_return (invoke "fast") (u32.const 20))

;; Two instances of one definition share nothing.
(component instance $again $Counters)
(assert_return (invoke $again "slow") (u32.const 1))
(assert_return (invoke $Counters "slow") (u32.const 3))

;; A component definition is not an instance yet: it may import what nobody offers.
(component definition $Open
  (import "missing" (func)))

;; An argument may be left over: what is not imported is ignored.
(component
  (component $Taker
    (import "used" (func $used (result u8)))
    (export "used-again" (func $used)))
  (component $Giver
    (core module $M (func (export "seven") (result i32) (i32.const 0x107)))
    (core instance $m (instantiate $M))
    (func (export "seven") (result u8) (canon lift (core func $m "seven"))))
  (instance $giver (instantiate $Giver))
  (instance $taker (instantiate $Taker
    (with "used" (func $giver "seven"))
    (with "unused" (func $giver "seven"))))
  (export "seven" (func $taker "used-again")))
;; The callee's core code gave 0x107; of a u8 only the low byte counts.
(assert_return (invoke "seven") (u8.const 7))

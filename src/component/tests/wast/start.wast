;; Start functions of core modules run while a component is instantiated, in order.

(component
  (core module $State
    (memory (export "log") 1)
    (global $at (mut i32) (i32.const 0))
    (func (export "note") (param i32)
      (i32.store8 (global.get $at) (local.get 0))
      (global.set $at (i32.add (global.get $at) (i32.const 1))))
    (func (export "read") (result i32) (i32.load (i32.const 0))))
  (core instance $state (instantiate $State))
  (core module $Noting
    (import "state" "note" (func $note (param i32)))
    (import "mine" "letter" (global $letter i32))
    (func $begin (call $note (global.get $letter)))
    (start $begin))
  (core module $A (global (export "letter") i32 (i32.const 0x11)))
  (core module $B (global (export "letter") i32 (i32.const 0x22)))
  (core instance $a (instantiate $A))
  (core instance $b (instantiate $B))
  (core instance (instantiate $Noting (with "state" (instance $state)) (with "mine" (instance $b))))
  (core instance (instantiate $Noting (with "state" (instance $state)) (with "mine" (instance $a))))
  (core instance (instantiate $Noting (with "state" (instance $state)) (with "mine" (instance $b))))
  (func (export "order") (result u32) (canon lift (core func $state "read"))))
(assert_return (invoke "order") (u32.const 0x00221122))

;; A start function that traps: there is no instance.
(assert_trap
  (component
    (core module $M (func $no unreachable) (start $no))
    (core instance (instantiate $M)))
  "unreachable")

;; The same in a child, after the parent has come far.
(assert_trap
  (component
    (component $Child
      (core module $M
        (func $no (drop (i32.div_u (i32.const 1) (i32.const 0))))
        (start $no))
      (core instance (instantiate $M)))
    (core module $Fine (func (export "f")))
    (core instance $fine (instantiate $Fine))
    (func (export "f") (canon lift (core func $fine "f")))
    (instance (instantiate $Child)))
  "integer divide by zero")

;; Data that does not fit into the memory traps as a start function does.
(assert_trap
  (component
    (core module $M (memory 1) (data (i32.const 65536) "x"))
    (core instance (instantiate $M)))
  "out of bounds memory access")

;; A start function may call another component.
(component
  (component $Callee
    (core module $M
      (global $calls (mut i32) (i32.const 0))
      (func (export "call") (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
      (func (export "calls") (result i32) (global.get $calls)))
    (core instance $m (instantiate $M))
    (func (export "call") (canon lift (core func $m "call")))
    (func (export "calls") (result u32) (canon lift (core func $m "calls"))))
  (instance $callee (instantiate $Callee))
  (component $Caller
    (import "call" (func $call))
    (core func $call' (canon lower (func $call)))
    (core module $M
      (import "" "call" (func $call))
      (func $begin (call $call) (call $call))
      (start $begin))
    (core instance (instantiate $M (with "" (instance (export "call" (func $call')))))))
  (instance (instantiate $Caller (with "call" (func $callee "call"))))
  (export "calls" (func $callee "calls")))
(assert_return (invoke "calls") (u32.const 2))

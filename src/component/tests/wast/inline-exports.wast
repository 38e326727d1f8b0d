;; Instances that are put together from definitions instead of being instantiated.

(component
  (core module $Memory (memory (export "memory") 1))
  (core module $Adder
    (import "env" "mem" (memory 1))
    (import "env" "add" (func $add (param i32 i32) (result i32)))
    (func (export "run") (result i32)
      (i32.store (i32.const 8) (call $add (i32.const 40) (i32.const 2)))
      (i32.load (i32.const 8))))
  (core module $Arithmetic
    (func (export "sum") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1))))
  (core instance $memory (instantiate $Memory))
  (core instance $arithmetic (instantiate $Arithmetic))
  ;; One core instance out of the exports of two, one of them under another name.
  (core instance $env
    (export "mem" (memory $memory "memory"))
    (export "add" (func $arithmetic "sum")))
  (core instance $adder (instantiate $Adder (with "env" (instance $env))))
  (func $run (result s32) (canon lift (core func $adder "run")))
  (instance $both
    (export "first" (func $run))
    (export "second" (func $run)))
  (export "pair" (instance $both))
  (export "first" (func $both "first")))

(assert_return (invoke "first") (s32.const 42))
(assert_return (invoke "pair#first") (s32.const 42))
(assert_return (invoke "pair#second") (s32.const 42))

;; Instances within instances.
(component
  (core module $M (func (export "f") (param i32) (result i32) (i32.eqz (local.get 0))))
  (core instance $m (instantiate $M))
  (func $not (param "b" bool) (result bool) (canon lift (core func $m "f")))
  (instance $inner (export "not" (func $not)))
  (instance $outer (export "inner" (instance $inner)) (export "same" (func $not)))
  (export "outer" (instance $outer)))
(assert_return (invoke "outer#same" (bool.const true)) (bool.const false))
(assert_return (invoke "outer#inner#not" (bool.const false)) (bool.const true))

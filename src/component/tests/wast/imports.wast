;; A child imports core modules, components, instances and types from its parent.

(component
  (core module $Give (func (export "give") (result i32) (i32.const 11)))
  (component $FromModule
    (import "code" (core module $Code (export "give" (func (result i32)))))
    (core instance $code (instantiate $Code))
    (func (export "give") (result u32) (canon lift (core func $code "give"))))
  (instance $from-module (instantiate $FromModule (with "code" (core module $Give))))
  (export "module" (func $from-module "give"))

  (component $FromComponent
    (import "part" (component $Part
      (import "code" (core module (export "give" (func (result i32)))))
      (export "give" (func (result u32)))))
    (import "code" (core module $Code (export "give" (func (result i32)))))
    (instance $one (instantiate $Part (with "code" (core module $Code))))
    (export "give" (func $one "give")))
  (instance $from-component (instantiate $FromComponent
    (with "part" (component $FromModule))
    (with "code" (core module $Give))))
  (export "component" (func $from-component "give"))

  (component $FromInstance
    (import "parts" (instance $parts
      (export "inner" (instance (export "give" (func (result u32)))))))
    (alias export $parts "inner" (instance $inner))
    (export "give" (func $inner "give")))
  (instance $parts (export "inner" (instance $from-module)))
  (instance $from-instance (instantiate $FromInstance (with "parts" (instance $parts))))
  (export "instance" (func $from-instance "give")))

(assert_return (invoke "module") (u32.const 11))
(assert_return (invoke "component") (u32.const 11))
(assert_return (invoke "instance") (u32.const 11))

;; A core module import with an import of its own, satisfied by a lowered function.
(component
  (component $Wire
    (import "code" (core module $Code
      (import "out" "get" (func (param i32) (result i32)))
      (export "run" (func (param i32) (result i32)))))
    (import "get" (func $get (param "x" s8) (result s8)))
    (core func $get' (canon lower (func $get)))
    (core instance $code (instantiate $Code (with "out" (instance (export "get" (func $get'))))))
    (func (export "run") (param "x" s8) (result s8) (canon lift (core func $code "run"))))
  (core module $Pass
    (import "out" "get" (func $get (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (call $get (local.get 0))))
  (component $Negate
    (core module $M (func (export "negate") (param i32) (result i32)
      (i32.sub (i32.const 0) (local.get 0))))
    (core instance $m (instantiate $M))
    (func (export "negate") (param "x" s8) (result s8) (canon lift (core func $m "negate"))))
  (instance $negate (instantiate $Negate))
  (instance $wire (instantiate $Wire
    (with "code" (core module $Pass)) (with "get" (func $negate "negate"))))
  (export "run" (func $wire "run")))
(assert_return (invoke "run" (s8.const 5)) (s8.const -5))
;; -(-128) does not fit: the low byte of 128 is -128 again.
(assert_return (invoke "run" (s8.const -128)) (s8.const -128))

;; Types, by equality and with fields that both sides name.
(component
  (component $Maker
    (type $color' (enum "red" "green" "blue"))
    (export $color "color" (type $color'))
    (core module $M (func (export "last") (result i32) (i32.const 2)))
    (core instance $m (instantiate $M))
    (func (export "last") (result $color) (canon lift (core func $m "last"))))
  (component $User
    (type $color' (enum "red" "green" "blue"))
    (import "color" (type $color (eq $color')))
    (import "last" (func $last (result $color)))
    (export $color-out "color-out" (type $color))
    (export "again" (func $last) (func (result $color-out))))
  (instance $maker (instantiate $Maker))
  (instance $user (instantiate $User
    (with "color" (type $maker "color")) (with "last" (func $maker "last"))))
  (export "user" (instance $user)))
(assert_return (invoke "user#again") (enum.const "blue"))

;; An argument of another type, and one that is missing.
(assert_invalid
  (component
    (component $c (import "f" (func (param "x" u8))))
    (core module $M (func (export "f") (param i32)))
    (core instance $m (instantiate $M))
    (func $f (param "x" u16) (canon lift (core func $m "f")))
    (instance (instantiate $c (with "f" (func $f)))))
  "type mismatch")
(assert_invalid
  (component (component $c (import "f" (func))) (instance (instantiate $c)))
  "missing import")

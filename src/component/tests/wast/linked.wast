;; Components that import what earlier ones export: core modules and resource types, under the name of the earlier
;; one or one that is registered.

(component $source
  (type $r (resource (rep i32)))
  (export "r" (type $r))
  (type $other (resource (rep i32)))
  (export "other" (type $other))
  (core module $m
    (import "env" "add" (func $add (param i32 i32) (result i32)))
    (func (export "f") (param i32) (result i32) (call $add (local.get 0) (i32.const 10))))
  (export "m" (core module $m)))

(component
  (import "source" (instance $source
    (export "m" (core module
      (import "env" "add" (func (param i32 i32) (result i32)))
      (export "f" (func (param i32) (result i32)))))))
  (core module $adder
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (core instance $env (instantiate $adder))
  (alias export $source "m" (core module $m))
  (core instance $i (instantiate $m (with "env" (instance $env))))
  (func (export "f") (param "x" u32) (result u32) (canon lift (core func $i "f"))))
(assert_return (invoke "f" (u32.const 5)) (u32.const 15))

;; What it needs has to be known, and what it exports has to be there.
(assert_unlinkable
  (component (import "source" (instance
    (export "m" (core module (export "f" (func (param i32) (result i32))))))))
  "")
(assert_unlinkable
  (component (import "source" (instance
    (export "m" (core module
      (import "env" "add" (func (param i32 i32) (result i32)))
      (export "g" (func)))))))
  "")
(assert_unlinkable (component (import "source" (instance (export "n" (core module))))) "")
(assert_unlinkable (component (import "source" (core module))) "")

(component
  (import "source" (instance
    (export "r" (type $r (sub resource)))
    (export "other" (type (sub resource)))
    (export "not-there" (type (eq $r))))))
(assert_unlinkable
  (component (import "source" (instance
    (export "r" (type $r (sub resource)))
    (export "other" (type (eq $r))))))
  "")

;; Each instance has resource types of its own.
(component definition $Typed (type $r (resource (rep i32))) (export "r" (type $r)))
(component instance $a $Typed)
(component instance $b $Typed)
(component
  (import "a" (instance $a (export "r" (type (sub resource)))))
  (import "b" (instance (export "r" (type (sub resource))))))
(assert_unlinkable
  (component
    (import "a" (instance $a (export "r" (type (sub resource)))))
    (alias export $a "r" (type $r))
    (import "b" (instance (export "r" (type (eq $r))))))
  "")

(assert_unlinkable (component (import "again" (instance (export "r" (type (sub resource)))))) "")
(register "again" $a)
(component
  (import "a" (instance $a (export "r" (type (sub resource)))))
  (alias export $a "r" (type $r))
  (import "again" (instance (export "r" (type (eq $r))))))

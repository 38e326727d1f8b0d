;; What is no component, what is an invalid one, and what nobody can link.

(assert_malformed (component quote "(export)") "unexpected token")
(assert_malformed (component quote "(func (export \"f\") (canon lift (core func $nowhere)))") "unknown")
(assert_malformed (component binary "\00asm\0d\00\01") "unexpected end")
(assert_malformed (component binary "\00asm\0d\00\01\00\ff\00") "malformed section id")
;; A core module is no component.
(assert_malformed (component binary "\00asm\01\00\00\00") "unknown binary version")

(assert_invalid (component (core module (func (result i32)))) "type mismatch")
(assert_invalid
  (component (import "same" (func)) (import "same" (func)))
  "conflicts with previous name")
(assert_invalid (component (import "Not_kebab" (func))) "not in kebab case")
(assert_invalid
  (component
    (core module $M (func (export "f") (param i32)))
    (core instance $m (instantiate $M))
    (func (export "f") (canon lift (core func $m "f"))))
  "lowered parameter types")
;; Strings want a memory, and params with strings a realloc.
(assert_invalid
  (component
    (core module $M (func (export "f") (param i32 i32)))
    (core instance $m (instantiate $M))
    (func (export "f") (param "s" string) (canon lift (core func $m "f"))))
  "canonical option `memory` is required")
(assert_invalid
  (component
    (core module $M (memory (export "mem") 1) (func (export "f") (param i32 i32)))
    (core instance $m (instantiate $M))
    (func (export "f") (param "s" string)
      (canon lift (core func $m "f") (memory (core memory $m "mem")))))
  "canonical option `realloc` is required")
;; A borrow cannot be returned.
(assert_invalid
  (component
    (type $R (resource (rep i32)))
    (type (func (result (borrow $R)))))
  "cannot have result")
;; Only who defines a resource type may make its handles.
(assert_invalid
  (component
    (import "R" (type $R (sub resource)))
    (canon resource.new $R (core func $new)))
  "not a local resource")
(assert_invalid (component (type (record))) "at least one field")
(assert_invalid (component (type (enum "a" "A"))) "conflicts with previous")

(assert_unlinkable (component (import "nobody" (func))) "not found")
(assert_unlinkable
  (component (import "nobody" (instance (export "f" (func (result string)))))) "not found")
;; A type that equals another needs nobody to offer it.
(component (type $t (list u8)) (import "t" (type (eq $t))))

;; What the host of scripts offers. It has its types, and knows what was dropped, for all components of a
;; script together.

(component
  (import "host-return-two" (func $two (result u32)))
  (import "host" (instance $host
    (export "return-three" (func (result u32)))
    (export "nested" (instance (export "return-four" (func (result u32)))))
    (export "simple-module" (core module
      (export "f" (func (result i32)))
      (export "g" (global i32))))))
  (alias export $host "return-three" (func $three))
  (alias export $host "nested" (instance $nested))
  (alias export $nested "return-four" (func $four))
  (alias export $host "simple-module" (core module $simple))
  (core instance $simple (instantiate $simple))
  (core func $two (canon lower (func $two)))
  (core func $three (canon lower (func $three)))
  (core func $four (canon lower (func $four)))
  (core module $m
    (import "host" "two" (func $two (result i32)))
    (import "host" "three" (func $three (result i32)))
    (import "host" "four" (func $four (result i32)))
    (import "simple" "f" (func $f (result i32)))
    (import "simple" "g" (global $g i32))
    (func (export "sum") (result i32)
      (i32.add
        (i32.add (i32.add (call $two) (call $three)) (call $four))
        (i32.add (call $f) (global.get $g)))))
  (core instance $i (instantiate $m
    (with "host" (instance
      (export "two" (func $two))
      (export "three" (func $three))
      (export "four" (func $four))))
    (with "simple" (instance $simple))))
  (func (export "sum") (result u32) (canon lift (core func $i "sum"))))
(assert_return (invoke "sum") (u32.const 210))

(component definition $Resources
  (import "host" (instance $host
    (export "resource1" (type $r (sub resource)))
    (export "resource1-again" (type (eq $r)))
    (export "[constructor]resource1" (func (param "rep" u32) (result (own $r))))
    (export "[static]resource1.assert" (func (param "r" (own $r)) (param "rep" u32)))
    (export "[static]resource1.drops" (func (result u32)))
    (export "[static]resource1.last-drop" (func (result u32)))
    (export "[method]resource1.simple" (func (param "self" (borrow $r)) (param "rep" u32)))
    (export "[method]resource1.take-own" (func (param "self" (borrow $r)) (param "b" (own $r))))))
  (alias export $host "resource1" (type $r))
  (core func $new (canon lower (func $host "[constructor]resource1")))
  (core func $assert (canon lower (func $host "[static]resource1.assert")))
  (core func $drops (canon lower (func $host "[static]resource1.drops")))
  (core func $last (canon lower (func $host "[static]resource1.last-drop")))
  (core func $simple (canon lower (func $host "[method]resource1.simple")))
  (core func $take (canon lower (func $host "[method]resource1.take-own")))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "assert" (func $assert (param i32 i32)))
    (import "" "drops" (func $drops (result i32)))
    (import "" "last" (func $last (result i32)))
    (import "" "simple" (func $simple (param i32 i32)))
    (import "" "take" (func $take (param i32 i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "use") (param $rep i32) (result i32) (local $a i32)
      (local.set $a (call $new (local.get $rep)))
      (call $simple (local.get $a) (local.get $rep))
      (call $take (local.get $a) (call $new (i32.const 1)))
      (call $assert (call $new (i32.const 2)) (i32.const 2))
      (call $drop (local.get $a))
      (i32.add (i32.mul (i32.const 100) (call $drops)) (call $last)))
    (func (export "mistake") (call $assert (call $new (i32.const 2)) (i32.const 3))))
  (core instance $i (instantiate $m (with "" (instance
    (export "new" (func $new)) (export "assert" (func $assert)) (export "drops" (func $drops))
    (export "last" (func $last)) (export "simple" (func $simple)) (export "take" (func $take))
    (export "drop" (func $drop))))))
  (func (export "use") (param "rep" u32) (result u32) (canon lift (core func $i "use")))
  (func (export "mistake") (canon lift (core func $i "mistake"))))
(component instance $first $Resources)
(assert_return (invoke "use" (u32.const 7)) (u32.const 107))
(component instance $second $Resources)
(assert_return (invoke "use" (u32.const 8)) (u32.const 208))
(assert_return (invoke $first "use" (u32.const 9)) (u32.const 309))

(assert_unlinkable (component (import "host-return-two" (func (result string)))) "")
(assert_unlinkable (component (import "host-return-two" (instance))) "")
(assert_unlinkable (component (import "host" (func))) "")
(assert_unlinkable (component (import "host" (instance (export "missing" (func))))) "")
(assert_unlinkable
  (component (import "host" (instance
    (export "simple-module" (core module (export "f" (func (param i32))))))))
  "")
(assert_unlinkable
  (component (import "host" (instance
    (export "resource1" (type $r (sub resource)))
    (export "resource2" (type (eq $r))))))
  "")

;; Nobody has to offer what has nothing in it.
(component (import "nobody" (instance (export "nothing" (instance)))))

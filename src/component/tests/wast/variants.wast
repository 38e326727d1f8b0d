;; Variants, and all that is one after despecializing: enums, options, results.

(component definition $Variants
  (core module $M
    (memory (export "mem") 1)
    (func (export "one") (param i32) (result i32) (local.get 0))
    ;; A case of the variant below, written to memory with a payload of eight bytes.
    (func (export "shape") (param $case i32) (param $payload i64) (result i32)
      (i32.store8 (i32.const 32) (local.get $case))
      (i64.store (i32.const 40) (local.get $payload))
      (i32.const 32))
    (func (export "joined") (param $case i32) (param $payload i64) (result i64)
      (i64.add (i64.mul (i64.extend_i32_u (local.get $case)) (i64.const 0x1000000000000000))
        (local.get $payload))))
  (core instance $m (instantiate $M))
  (type $direction' (enum "north" "east" "south"))
  (export $direction "direction-type" (type $direction'))
  (func (export "direction") (param "x" u32) (result $direction) (canon lift (core func $m "one")))
  (func (export "plain-result") (param "x" u32) (result (result)) (canon lift (core func $m "one")))
  (type $shape' (variant (case "dot") (case "circle" f64) (case "count" s8) (case "flag" bool)))
  (export $shape "shape-type" (type $shape'))
  (func (export "shape") (param "case" u32) (param "payload" u64) (result $shape)
    (canon lift (core func $m "shape") (memory (core memory $m "mem"))))
  (func (export "joined") (param "x" $shape) (result u64) (canon lift (core func $m "joined")))
  (func (export "option") (param "case" u32) (param "payload" u64) (result (option u64))
    (canon lift (core func $m "shape") (memory (core memory $m "mem"))))
  (func (export "result") (param "case" u32) (param "payload" u64)
    (result (result s64 (error char)))
    (canon lift (core func $m "shape") (memory (core memory $m "mem")))))

(component instance $fine $Variants)
(assert_return (invoke "direction" (u32.const 0)) (enum.const "north"))
(assert_return (invoke "direction" (u32.const 2)) (enum.const "south"))
(assert_return (invoke "plain-result" (u32.const 0)) (result.ok))
(assert_return (invoke "plain-result" (u32.const 1)) (result.err))
(assert_return (invoke "shape" (u32.const 0) (u64.const 9)) (variant.const "dot"))
(assert_return
  (invoke "shape" (u32.const 1) (u64.const 0x4000000000000000))
  (variant.const "circle" (f64.const 2)))
;; Of the payload only its own bytes count.
(assert_return
  (invoke "shape" (u32.const 2) (u64.const 0x1ff)) (variant.const "count" (s8.const -1)))
(assert_return
  (invoke "shape" (u32.const 3) (u64.const 0x100)) (variant.const "flag" (bool.const false)))
(assert_return
  (invoke "shape" (u32.const 3) (u64.const 0x80)) (variant.const "flag" (bool.const true)))
;; The discriminant is one byte: what is above it does not count.
(assert_return
  (invoke "shape" (u32.const 0x102) (u64.const 5)) (variant.const "count" (s8.const 5)))
;; Flat, all payloads share one slot of 64 bits; what a case does not use is zero.
(assert_return (invoke "joined" (variant.const "dot")) (u64.const 0))
(assert_return
  (invoke "joined" (variant.const "circle" (f64.const 2))) (u64.const 0x5000000000000000))
(assert_return
  (invoke "joined" (variant.const "count" (s8.const -1))) (u64.const 0x20000000ffffffff))
(assert_return (invoke "option" (u32.const 0) (u64.const 7)) (option.none))
(assert_return (invoke "option" (u32.const 1) (u64.const 7)) (option.some (u64.const 7)))
(assert_return (invoke "result" (u32.const 0) (u64.const 7)) (result.ok (s64.const 7)))
(assert_return
  (invoke "result" (u32.const 1) (u64.const 0x41)) (result.err (char.const "A")))

(assert_trap (invoke "direction" (u32.const 3)) "discriminant 3 out of range")
(component instance $1 $Variants)
(assert_trap (invoke "direction" (u32.const 0x100)) "discriminant 256 out of range")
(component instance $2 $Variants)
(assert_trap (invoke "plain-result" (u32.const 2)) "discriminant 2 out of range")
(component instance $3 $Variants)
(assert_trap (invoke "shape" (u32.const 4) (u64.const 0)) "discriminant 4 out of range")
(component instance $4 $Variants)
(assert_trap (invoke "option" (u32.const 2) (u64.const 0)) "discriminant 2 out of range")
(component instance $5 $Variants)
(assert_trap
  (invoke "result" (u32.const 1) (u64.const 0xd800))
  "converted integer out of range for `char`")

;; Between components: the discriminant is checked on the way.
(component definition $Adapted
  (component $Sink
    (core module $M (func (export "f") (param i32)))
    (core instance $m (instantiate $M))
    (type $e' (enum "a" "b"))
    (export $e "e" (type $e'))
    (func (export "f") (param "e" $e) (canon lift (core func $m "f")))
    (func (export "c") (param "c" char) (canon lift (core func $m "f"))))
  (instance $sink (instantiate $Sink))
  (alias export $sink "e" (type $e))
  (component $Source
    (type $e' (enum "a" "b"))
    (import "e" (type $e (eq $e')))
    (import "f" (func $f (param "e" $e)))
    (import "c" (func $c (param "c" char)))
    (core func $f' (canon lower (func $f)))
    (core func $c' (canon lower (func $c)))
    (core module $M
      (import "" "f" (func $f (param i32)))
      (import "" "c" (func $c (param i32)))
      (func (export "f") (param i32) (call $f (local.get 0)))
      (func (export "c") (param i32) (call $c (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance
      (export "f" (func $f')) (export "c" (func $c'))))))
    (func (export "f") (param "x" u32) (canon lift (core func $m "f")))
    (func (export "c") (param "x" u32) (canon lift (core func $m "c"))))
  (instance $source (instantiate $Source
    (with "e" (type $e)) (with "f" (func $sink "f")) (with "c" (func $sink "c"))))
  (export "f" (func $source "f"))
  (export "c" (func $source "c")))
(component instance $6 $Adapted)
(assert_return (invoke "f" (u32.const 1)))
(assert_return (invoke "c" (u32.const 0x10ffff)))
(assert_trap (invoke "f" (u32.const 2)) "invalid variant discriminant")
(component instance $7 $Adapted)
(assert_trap (invoke "c" (u32.const 0x110000)) "invalid `char` bit pattern")

;; A write of four elements is cancelled of which two were read, before anybody was told. The specification has it say
;; that it has completed with two, since August 2026 that it was cancelled with two.
(component
  (type $s (stream u8))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $memory'))
  (core func $new (canon stream.new $s))
  (core func $read (canon stream.read $s async (memory $memory')))
  (core func $write (canon stream.write $s async (memory $memory')))
  (core func $cancel (canon stream.cancel-write $s))
  (core module $m
    (import "" "new" (func $new (result i64)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "write" (func $write (param i32 i32 i32) (result i32)))
    (import "" "cancel" (func $cancel (param i32) (result i32)))
    (func (export "f") (result i32) (local $ends i64) (local $w i32)
      (local.set $ends (call $new))
      (local.set $w (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
      (drop (call $write (local.get $w) (i32.const 0) (i32.const 4)))
      (drop (call $read (i32.wrap_i64 (local.get $ends)) (i32.const 16) (i32.const 2)))
      (call $cancel (local.get $w))))
  (core instance $i (instantiate $m (with "" (instance
    (export "new" (func $new)) (export "read" (func $read)) (export "write" (func $write))
    (export "cancel" (func $cancel))))))
  (func (export "f") async (result u32) (canon lift (core func $i "f"))))

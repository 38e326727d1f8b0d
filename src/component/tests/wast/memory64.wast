;; Memories with addresses of 64 bits, between components: pointers and lengths are i64, and a list
;; takes sixteen bytes in memory.

(component definition $Wide
  (component $Sink
    (core module $M
      (memory (export "mem") i64 1)
      (global $next (mut i64) (i64.const 128))
      (func (export "realloc") (param i64 i64 i64) (param $size i64) (result i64)
        (local $new i64)
        (local.set $new (global.get $next))
        (global.set $next (i64.and
          (i64.add (global.get $next) (i64.add (local.get $size) (i64.const 15)))
          (i64.const -16)))
        (local.get $new))
      (func (export "sum") (param $ptr i64) (param $count i64) (result i32)
        (local $sum i32)
        (block $done
          (loop $more
            (br_if $done (i64.eqz (local.get $count)))
            (local.set $sum (i32.add (local.get $sum) (i32.load16_u (local.get $ptr))))
            (local.set $ptr (i64.add (local.get $ptr) (i64.const 2)))
            (local.set $count (i64.sub (local.get $count) (i64.const 1)))
            (br $more)))
        (local.get $sum))
      ;; How far the second inner list's pair of pointer and length lies behind the first.
      (func (export "stride") (param $ptr i64) (param $count i64) (result i64)
        (i64.load offset=24 (local.get $ptr))))
    (core instance $m (instantiate $M))
    (func (export "sum") (param "l" (list u16)) (result u32)
      (canon lift (core func $m "sum")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
    (func (export "stride") (param "l" (list (list u8))) (result u64)
      (canon lift (core func $m "stride")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc")))))
  (instance $sink (instantiate $Sink))

  ;; The sender's memory has addresses of 32 bits.
  (component $Narrow
    (import "sum" (func $sum (param "l" (list u16)) (result u32)))
    (import "stride" (func $stride (param "l" (list (list u8))) (result u64)))
    (core module $Memory (memory (export "mem") 1)
      (data (i32.const 8) "\01\00\02\00\00\01")
      ;; Two lists, of one and of three bytes.
      (data (i32.const 16) "\08\00\00\00\01\00\00\00\09\00\00\00\03\00\00\00"))
    (core instance $memory (instantiate $Memory))
    (core func $sum' (canon lower (func $sum) (memory (core memory $memory "mem"))))
    (core func $stride' (canon lower (func $stride) (memory (core memory $memory "mem"))))
    (core module $M
      (import "" "sum" (func $sum (param i32 i32) (result i32)))
      (import "" "stride" (func $stride (param i32 i32) (result i64)))
      (func (export "sum") (result i32) (call $sum (i32.const 8) (i32.const 3)))
      (func (export "beyond") (result i32) (call $sum (i32.const 65534) (i32.const 2)))
      (func (export "stride") (result i64) (call $stride (i32.const 16) (i32.const 2))))
    (core instance $m (instantiate $M (with "" (instance
      (export "sum" (func $sum')) (export "stride" (func $stride'))))))
    (func (export "sum") (result u32) (canon lift (core func $m "sum")))
    (func (export "beyond") (result u32) (canon lift (core func $m "beyond")))
    (func (export "stride") (result u64) (canon lift (core func $m "stride"))))
  (instance $narrow (instantiate $Narrow
    (with "sum" (func $sink "sum")) (with "stride" (func $sink "stride"))))

  ;; And this sender's has 64, too.
  (component $Broad
    (import "sum" (func $sum (param "l" (list u16)) (result u32)))
    (core module $Memory (memory (export "mem") i64 1) (data (i64.const 8) "\05\00\06\00"))
    (core instance $memory (instantiate $Memory))
    (core func $sum' (canon lower (func $sum) (memory (core memory $memory "mem"))))
    (core module $M
      (import "" "sum" (func $sum (param i64 i64) (result i32)))
      (func (export "sum") (result i32) (call $sum (i64.const 8) (i64.const 2)))
      (func (export "odd") (result i32) (call $sum (i64.const 9) (i64.const 2)))
      (func (export "far") (result i32) (call $sum (i64.const 0x100000008) (i64.const 2))))
    (core instance $m (instantiate $M (with "" (instance (export "sum" (func $sum'))))))
    (func (export "sum") (result u32) (canon lift (core func $m "sum")))
    (func (export "odd") (result u32) (canon lift (core func $m "odd")))
    (func (export "far") (result u32) (canon lift (core func $m "far"))))
  (instance $broad (instantiate $Broad (with "sum" (func $sink "sum"))))
  (export "narrow" (instance $narrow))
  (export "broad" (instance $broad)))

(component instance $1 $Wide)
(assert_return (invoke "narrow#sum") (u32.const 259))
(assert_return (invoke "narrow#stride") (u64.const 3))
(assert_return (invoke "broad#sum") (u32.const 11))
(assert_trap (invoke "narrow#beyond") "list content out-of-bounds")
(component instance $2 $Wide)
(assert_trap (invoke "broad#odd") "unaligned pointer")
(component instance $3 $Wide)
;; The address does not fit into 32 bits; its low half alone would be fine.
(assert_trap (invoke "broad#far") "list content out-of-bounds")

;; With such a memory, realloc has to take and give i64.
(assert_invalid
  (component
    (core module $M
      (memory (export "mem") i64 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
      (func (export "f") (param i64 i64)))
    (core instance $m (instantiate $M))
    (func (export "f") (param "s" string)
      (canon lift (core func $m "f")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc")))))
  "incorrect signature")

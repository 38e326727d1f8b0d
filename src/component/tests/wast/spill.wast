;; Seventeen flat params go through memory, and so do two flat results.

(component $Spilling
  (core module $M
    (memory (export "mem") 1)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $new i32)
      (local.set $new (global.get $next))
      (global.set $next (i32.and
        (i32.add (global.get $next) (i32.add (local.get $size) (i32.const 15)))
        (i32.const -16)))
      (local.get $new))
    ;; Sixteen params are still flat.
    (func (export "sixteen") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
      (result i32) (i32.sub (local.get 15) (local.get 0)))
    ;; The seventeenth byte, then the last field, which is aligned to 8.
    (func (export "seventeen") (param $argptr i32) (result i64)
      (i64.add
        (i64.extend_i32_u (i32.load8_u offset=15 (local.get $argptr)))
        (i64.load offset=16 (local.get $argptr))))
    (func (export "two") (param i32 i64) (result i32)
      (i32.store8 (i32.const 64) (local.get 0))
      (i64.store (i32.const 72) (local.get 1))
      (i32.const 64))
    (func (export "misaligned") (result i32) (i32.const 65))
    (func (export "beyond") (result i32) (i32.const 65528))
    (func (export "last") (result i32) (i32.const 65520)))
  (core instance $m (instantiate $M))
  (func (export "sixteen")
    (param "a" u8) (param "b" u8) (param "c" u8) (param "d" u8) (param "e" u8) (param "f" u8)
    (param "g" u8) (param "h" u8) (param "i" u8) (param "j" u8) (param "k" u8) (param "l" u8)
    (param "m" u8) (param "n" u8) (param "o" u8) (param "p" u8) (result u32)
    (canon lift (core func $m "sixteen")))
  (func $seventeen (export "seventeen")
    (param "a" u8) (param "b" u8) (param "c" u8) (param "d" u8) (param "e" u8) (param "f" u8)
    (param "g" u8) (param "h" u8) (param "i" u8) (param "j" u8) (param "k" u8) (param "l" u8)
    (param "m" u8) (param "n" u8) (param "o" u8) (param "p" u8) (param "q" u64) (result u64)
    (canon lift (core func $m "seventeen")
      (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
  (type $two (tuple u8 u64))
  (func (export "two") (param "a" u8) (param "b" u64) (result $two)
    (canon lift (core func $m "two") (memory (core memory $m "mem"))))
  (func (export "misaligned") (result $two)
    (canon lift (core func $m "misaligned") (memory (core memory $m "mem"))))
  (func (export "beyond") (result $two)
    (canon lift (core func $m "beyond") (memory (core memory $m "mem"))))
  (func (export "last") (result $two)
    (canon lift (core func $m "last") (memory (core memory $m "mem")))))

(assert_return
  (invoke "sixteen"
    (u8.const 10) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0)
    (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0)
    (u8.const 0) (u8.const 25))
  (u32.const 15))
(assert_return
  (invoke "seventeen"
    (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0)
    (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0) (u8.const 0)
    (u8.const 0) (u8.const 5) (u64.const 0x100000000))
  (u64.const 0x100000005))
(assert_return
  (invoke "two" (u8.const 255) (u64.const 0xffffffffffffffff))
  (tuple.const (u8.const 255) (u64.const 0xffffffffffffffff)))
;; The last sixteen bytes of the memory are as good as others.
(assert_return (invoke "last") (tuple.const (u8.const 0) (u64.const 0)))
(assert_trap (invoke "misaligned") "return pointer not aligned")
(component instance $again $Spilling)
(assert_trap (invoke "beyond") "pointer out of bounds of memory")

;; Between two components: the caller chooses where its params lie and where results go.
(component definition $Between
  (component $Callee
    (core module $M
      (memory (export "mem") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256))
      (func (export "swap") (param i64 i32) (result i32)
        (i32.store (i32.const 16) (local.get 1))
        (i64.store (i32.const 24) (local.get 0))
        (i32.const 16)))
    (core instance $m (instantiate $M))
    (func (export "swap") (param "a" u64) (param "b" u32) (result (tuple u32 u64))
      (canon lift (core func $m "swap") (memory (core memory $m "mem")))))
  (instance $callee (instantiate $Callee))
  (component $Caller
    (import "swap" (func $swap (param "a" u64) (param "b" u32) (result (tuple u32 u64))))
    (core module $Memory (memory (export "mem") 1))
    (core instance $memory (instantiate $Memory))
    (core func $swap' (canon lower (func $swap) (memory (core memory $memory "mem"))))
    (core module $M
      (import "" "swap" (func $swap (param i64 i32 i32)))
      (import "" "mem" (memory 1))
      (func (export "run") (param $retptr i32) (result i64)
        (call $swap (i64.const 0x1111111111111111) (i32.const 0x2222) (local.get $retptr))
        (i64.add
          (i64.extend_i32_u (i32.load (local.get $retptr)))
          (i64.load offset=8 (local.get $retptr)))))
    (core instance $m (instantiate $M (with "" (instance
      (export "swap" (func $swap')) (export "mem" (memory $memory "mem"))))))
    (func (export "run") (param "retptr" u32) (result u64) (canon lift (core func $m "run"))))
  (instance $caller (instantiate $Caller (with "swap" (func $callee "swap"))))
  (export "run" (func $caller "run")))

(component instance $1 $Between)
(assert_return (invoke "run" (u32.const 0)) (u64.const 0x1111111111113333))
(assert_return (invoke "run" (u32.const 65520)) (u64.const 0x1111111111113333))
(assert_trap (invoke "run" (u32.const 4)) "unaligned pointer")
(component instance $2 $Between)
(assert_trap (invoke "run" (u32.const 65528)) "pointer out of bounds")
(component instance $3 $Between)
(assert_trap (invoke "run" (u32.const 0xfffffff8)) "pointer out of bounds")

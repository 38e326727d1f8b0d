;; Async is not run by the reference, which says so by name. That these are skipped there and pass
;; on the subject is what this script is for.

;; A stream made and dropped at both ends.
(component
  (type $s (stream u8))
  (canon stream.new $s (core func $new))
  (canon stream.drop-readable $s (core func $drop-readable))
  (canon stream.drop-writable $s (core func $drop-writable))
  (core module $M
    (import "" "new" (func $new (result i64)))
    (import "" "drop-readable" (func $drop-readable (param i32)))
    (import "" "drop-writable" (func $drop-writable (param i32)))
    (func (export "run") (local $ends i64)
      (local.set $ends (call $new))
      (call $drop-readable (i32.wrap_i64 (local.get $ends)))
      (call $drop-writable (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "drop-readable" (func $drop-readable))
    (export "drop-writable" (func $drop-writable))))))
  (func (export "run") (canon lift (core func $m "run"))))
(assert_return (invoke "run"))

;; A task that returns at once, by callback.
(component
  (canon task.return (result u32) (core func $return))
  (core module $M
    (import "" "return" (func $return (param i32)))
    (func (export "run") (result i32) (call $return (i32.const 6)) (i32.const 0))
    (func (export "called-back") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func (export "run") async (result u32)
    (canon lift (core func $m "run") async (callback (core func $m "called-back")))))
(assert_return (invoke "run") (u32.const 6))

;; A synchronous task may not wait.
(component
  (canon waitable-set.new (core func $new))
  (core module $Memory (memory (export "mem") 1))
  (core instance $memory (instantiate $Memory))
  (canon waitable-set.wait (memory (core memory $memory "mem")) (core func $wait))
  (core module $M
    (import "" "new" (func $new (result i32)))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (func (export "run") (drop (call $wait (call $new) (i32.const 0)))))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "wait" (func $wait))))))
  (func (export "run") (canon lift (core func $m "run"))))
(assert_trap (invoke "run") "cannot block a synchronous task before returning")

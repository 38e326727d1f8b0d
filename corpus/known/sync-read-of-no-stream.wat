;; A function that is not async reads synchronously from a stream that is not there. That there is none is looked at
;; first. Until May 2026 it was whether the function may block, even if it would not.
(component
  (type $s (stream u8))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (core func $read (canon stream.read $s (memory (core memory $memory "memory"))))
  (core module $m
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (func (export "f") (drop (call $read (i32.const 7) (i32.const 0) (i32.const 1)))))
  (core instance $i (instantiate $m (with "" (instance (export "read" (func $read))))))
  (func (export "f") (canon lift (core func $i "f"))))

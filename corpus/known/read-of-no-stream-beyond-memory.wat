;; A read from a stream that is not there, to where there is no memory. The specification looks for the stream first.
(component
  (type $s (stream u8))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (core func $read (canon stream.read $s async (memory (core memory $memory "memory"))))
  (core module $m
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (func (export "f") (drop (call $read (i32.const 7) (i32.const 0xffff00) (i32.const 1)))))
  (core instance $i (instantiate $m (with "" (instance (export "read" (func $read))))))
  (func (export "f") (canon lift (core func $i "f"))))

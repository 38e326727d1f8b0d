;; A task returns by a `task.return` that names no memory, although its function is lifted with one. Nothing lies in
;; that memory. The specification compares the two options, and finds that they are not the same.
(component
  (core func $return (canon task.return (result u32)))
  (core module $m
    (import "" "return" (func $return (param i32)))
    (memory (export "memory") 1)
    (func (export "f") (result i32) (call $return (i32.const 42)) (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
  (func (export "f") async (result u32)
    (canon lift (core func $i "f") async
      (memory (core memory $i "memory")) (callback (core func $i "callback")))))

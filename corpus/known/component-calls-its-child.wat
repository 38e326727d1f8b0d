;; A component may call what is in one that it contains.
;; Since May 2026 (WebAssembly/component-model#650). Wasmtime refuses it from 42 on, and before 50.
(component
  (component $child
    (core module $inner (func (export "f") (result i32) i32.const 5))
    (core instance $inner (instantiate $inner))
    (func (export "f") (result u32) (canon lift (core func $inner "f"))))
  (instance $child (instantiate $child))
  (core func $lowered (canon lower (func $child "f")))
  (core module $outer
    (import "" "f" (func $f (result i32)))
    (func (export "run") (result i32) (i32.add (call $f) (i32.const 1))))
  (core instance $outer (instantiate $outer (with "" (instance (export "f" (func $lowered))))))
  (func (export "run") (result u32) (canon lift (core func $outer "run"))))

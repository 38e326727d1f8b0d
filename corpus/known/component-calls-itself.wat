;; A component may call its own exports: only what is not yet around the caller is entered.
;; Since May 2026 (WebAssembly/component-model#650). Wasmtime refuses it in all releases so far.
(component
  (core module $inner (func (export "f") (result i32) i32.const 5))
  (core instance $inner (instantiate $inner))
  (func $f (result u32) (canon lift (core func $inner "f")))
  (core func $lowered (canon lower (func $f)))
  (core module $outer
    (import "" "f" (func $f (result i32)))
    (func (export "run") (result i32) (i32.add (call $f) (i32.const 1))))
  (core instance $outer (instantiate $outer (with "" (instance (export "f" (func $lowered))))))
  (func (export "run") (result u32) (canon lift (core func $outer "run"))))

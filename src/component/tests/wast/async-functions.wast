;; Functions whose types are async, lifted and lowered without the async option.

;; An async function calls an async function: both may block, and neither does.
(component
  (component $Callee
    (core module $M (func (export "f") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const 1))))
    (core instance $m (instantiate $M))
    (func (export "f") async (param "x" u32) (result u32) (canon lift (core func $m "f"))))
  (component $Caller
    (import "f" (func $f async (param "x" u32) (result u32)))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f (param i32) (result i32)))
      (func (export "run") (result i32) (call $f (call $f (i32.const 5)))))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "run") async (result u32) (canon lift (core func $m "run"))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "async-to-async" (func $caller "run")))
(assert_return (invoke "async-to-async") (u32.const 7))

;; An async function calls one that is not.
(component
  (component $Callee
    (core module $M (func (export "f") (result i32) (i32.const 3)))
    (core instance $m (instantiate $M))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (component $Caller
    (import "f" (func $f (result u32)))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32) (i32.mul (call $f) (call $f))))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "run") async (result u32) (canon lift (core func $m "run"))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "async-to-sync" (func $caller "run")))
(assert_return (invoke "async-to-sync") (u32.const 9))

;; A function that is not async calls one that is, which does not block.
;; Wasmtime traps here: it has the rule of before May 2026, by which such a call is refused at once.
(component
  (component $Callee
    (core module $M (func (export "f") (result i32) (i32.const 3)))
    (core instance $m (instantiate $M))
    (func (export "f") async (result u32) (canon lift (core func $m "f"))))
  (component $Caller
    (import "f" (func $f async (result u32)))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32) (i32.mul (call $f) (call $f))))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "sync-to-async" (func $caller "run")))
(assert_return (invoke "sync-to-async") (u32.const 9))

;; What may not be left is not left, async or not: realloc calls an async import.
(component
  (component $Callee
    (core module $M (func (export "f")))
    (core instance $m (instantiate $M))
    (func (export "f") async (canon lift (core func $m "f"))))
  (component $Caller
    (import "f" (func $f async))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f))
      (memory (export "mem") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $f) (i32.const 0))
      (func (export "run") (param i32 i32)))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "run") async (param "x" string) (canon lift (core func $m "run")
      (memory (core memory $m "mem")) (realloc (core func $m "realloc")))))
  (instance $callee (instantiate $Callee))
  (instance $caller (instantiate $Caller (with "f" (func $callee "f"))))
  (export "leave" (func $caller "run")))
(assert_trap (invoke "leave" (str.const "x")) "cannot leave component instance")

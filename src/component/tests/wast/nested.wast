;; Components inside components: calls go from leaf to leaf, and the parents only wire them.

(component
  (component $Level1
    (component $Level2
      (component $Level3
        (import "f" (func $f (param "x" u64) (result u64)))
        (core func $f' (canon lower (func $f)))
        (core module $M
          (import "" "f" (func $f (param i64) (result i64)))
          (func (export "g") (param i64) (result i64)
            (i64.add (call $f (local.get 0)) (i64.const 1))))
        (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
        (func (export "g") (param "x" u64) (result u64) (canon lift (core func $m "g"))))
      (import "f" (func $f (param "x" u64) (result u64)))
      ;; Each level adds one more, by instantiating the same component on top of itself.
      (instance $a (instantiate $Level3 (with "f" (func $f))))
      (instance $b (instantiate $Level3 (with "f" (func $a "g"))))
      (instance $c (instantiate $Level3 (with "f" (func $b "g"))))
      (export "g" (func $c "g")))
    (import "f" (func $f (param "x" u64) (result u64)))
    (instance $x (instantiate $Level2 (with "f" (func $f))))
    (instance $y (instantiate $Level2 (with "f" (func $x "g"))))
    (export "g" (func $y "g")))
  (component $Base
    (core module $M (func (export "f") (param i64) (result i64)
      (i64.mul (local.get 0) (i64.const 10))))
    (core instance $m (instantiate $M))
    (func (export "f") (param "x" u64) (result u64) (canon lift (core func $m "f"))))
  (instance $base (instantiate $Base))
  (instance $top (instantiate $Level1 (with "f" (func $base "f"))))
  (export "g" (func $top "g"))
  ;; A function that nobody between has touched.
  (export "f" (func $base "f")))

(assert_return (invoke "f" (u64.const 7)) (u64.const 70))
(assert_return (invoke "g" (u64.const 7)) (u64.const 76))
(assert_return (invoke "g" (u64.const 0x2000000000000000)) (u64.const 0x4000000000000006))

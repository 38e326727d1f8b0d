;; Moves points, the first of which the host may replace, and gives back what describes them.
(module
  (import "test:shapes/choice" "pick" (func $pick (param i32 i32 i32)))
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 4096))

  (func $realloc (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $new_size i32) (result i32)
    (local $new i32)
    (local.set $new
      (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $new) (local.get $new_size)))
    (if (i32.gt_u (global.get $next) (i32.const 262144)) (then unreachable))
    (memory.copy (local.get $new) (local.get $old) (local.get $old_size))
    (local.get $new))

  (func $free (global.set $next (i32.const 4096)))

  ;; A point has 24 bytes; the host's answer lies at 128, its payload at 136.
  (func (export "test:shapes/plane#move")
    (param $points i32) (param $count i32)
    (param $x i32) (param $y f64) (param $name i32) (param $length i32)
    (result i32)
    (local $i i32) (local $point i32)
    (if (i32.eqz (local.get $count))
      (then
        (i32.store8 (i32.const 64) (i32.const 1))
        (i32.store (i32.const 68) (local.get $name))
        (i32.store (i32.const 72) (local.get $length))
        (return (i32.const 64))))
    (call $pick (local.get $points) (local.get $count) (i32.const 128))
    (if (i32.load8_u (i32.const 128))
      (then (memory.copy (local.get $points) (i32.const 136) (i32.const 24))))
    (loop $next
      (local.set $point
        (i32.add (local.get $points) (i32.mul (local.get $i) (i32.const 24))))
      (i32.store (local.get $point) (i32.add (i32.load (local.get $point)) (local.get $x)))
      (f64.store offset=8 (local.get $point) (local.get $y))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
    (i32.store8 (i32.const 64) (i32.const 0))
    (i32.store (i32.const 68) (local.get $points))
    (i32.store (i32.const 72) (local.get $count))
    (i32.const 64))
  (func (export "cabi_post_test:shapes/plane#move") (param i32) (call $free))

  (func (export "test:shapes/plane#describe")
    (param $kind i32) (param $marks i32) (param $some i32) (param $note i32) (param $length i32)
    (result i32)
    (i32.store8 (i32.const 64) (local.get $kind))
    (i32.store16 (i32.const 66) (local.get $marks))
    (i32.store8 (i32.const 68) (local.get $some))
    (i32.store (i32.const 72) (local.get $note))
    (i32.store (i32.const 76) (local.get $length))
    (i32.const 64))
  (func (export "cabi_post_test:shapes/plane#describe") (param i32) (call $free)))

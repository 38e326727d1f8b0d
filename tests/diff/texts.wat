;; Greets, logging whom, and measures texts in bytes.
(module
  (import "$root" "log" (func $log (param i32 i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 4096))

  (func $realloc (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $new_size i32) (result i32)
    (local $new i32)
    (local.set $new
      (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $new) (local.get $new_size)))
    (if (i32.gt_u (global.get $next) (i32.const 131072)) (then unreachable))
    (memory.copy (local.get $new) (local.get $old) (local.get $old_size))
    (local.get $new))

  (func $free (global.set $next (i32.const 4096)))

  (func (export "greet") (param $name i32) (param $length i32) (result i32)
    (local $text i32)
    (call $log (local.get $name) (local.get $length))
    (local.set $text
      (call $realloc (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.add (local.get $length) (i32.const 7))))
    (memory.copy (local.get $text) (i32.const 1024) (i32.const 7))
    (memory.copy (i32.add (local.get $text) (i32.const 7)) (local.get $name) (local.get $length))
    (i32.store (i32.const 16) (local.get $text))
    (i32.store (i32.const 20) (i32.add (local.get $length) (i32.const 7)))
    (i32.const 16))
  (func (export "cabi_post_greet") (param i32) (call $free))

  ;; The lengths take the place of the pointers, one after the other.
  (func (export "lengths") (param $texts i32) (param $count i32) (result i32)
    (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (i32.store
          (i32.add (local.get $texts) (i32.mul (local.get $i) (i32.const 4)))
          (i32.load offset=4 (i32.add (local.get $texts) (i32.mul (local.get $i) (i32.const 8)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 16) (local.get $texts))
    (i32.store (i32.const 20) (local.get $count))
    (i32.const 16))
  (func (export "cabi_post_lengths") (param i32) (call $free))

  (data (i32.const 1024) "hello, "))

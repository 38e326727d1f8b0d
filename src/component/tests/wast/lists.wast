;; Lists, maps and lists of fixed length, through memory and flat.

(component definition $Lists
  (core module $M
    (memory (export "mem") 1)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $new i32)
      (local.set $new (global.get $next))
      (global.set $next (i32.and
        (i32.add (global.get $next) (i32.add (local.get $size) (i32.const 15)))
        (i32.const -16)))
      (local.get $new))
    ;; Hands back what it is given: pointer and length.
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0))
    (func (export "flat") (param i32 i32 i32) (result i32)
      (i32.add (i32.mul (local.get 0) (i32.const 100))
        (i32.add (i32.mul (local.get 1) (i32.const 10)) (local.get 2)))))
  (core instance $m (instantiate $M))
  (func (export "echo") (param "l" (list (tuple char (option s16))))
    (result (list (tuple char (option s16))))
    (canon lift (core func $m "echo")
      (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
  (func (export "map") (param "m" (map string u8)) (result (map string u8))
    (canon lift (core func $m "echo")
      (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
  (func (export "fixed") (param "l" (list u8 3)) (result u32) (canon lift (core func $m "flat")))
  (func (export "raw") (param "ptr" u32) (param "length" u32) (result (list u64))
    (canon lift (core func $m "echo") (memory (core memory $m "mem")))))

(component instance $fine $Lists)
(assert_return
  (invoke "echo" (list.const
    (tuple.const (char.const "x") (option.none))
    (tuple.const (char.const "ÿ") (option.some (s16.const -300)))))
  (list.const
    (tuple.const (char.const "x") (option.none))
    (tuple.const (char.const "ÿ") (option.some (s16.const -300)))))
;; A map is a list of its entries, in their order, twice the same key and all.
(assert_return
  (invoke "map" (map.const
    (entry (str.const "b") (u8.const 1)) (entry (str.const "a") (u8.const 2))
    (entry (str.const "b") (u8.const 3))))
  (map.const
    (entry (str.const "b") (u8.const 1)) (entry (str.const "a") (u8.const 2))
    (entry (str.const "b") (u8.const 3))))
(assert_return
  (invoke "fixed" (list.const (u8.const 1) (u8.const 2) (u8.const 3))) (u32.const 123))
(assert_return (invoke "raw" (u32.const 65528) (u32.const 1)) (list.const (u64.const 0)))
;; The end of the memory is a place for an empty list, aligned as its elements are.
(assert_return (invoke "raw" (u32.const 65536) (u32.const 0)) (list.const))
(assert_trap (invoke "raw" (u32.const 4) (u32.const 0)) "list pointer is not aligned")
(component instance $1 $Lists)
(assert_trap
  (invoke "raw" (u32.const 65528) (u32.const 2)) "list pointer/length out of bounds of memory")
(component instance $2 $Lists)
;; The product of length and size is not taken modulo 2^32.
(assert_trap
  (invoke "raw" (u32.const 0) (u32.const 0x20000000))
  "list pointer/length out of bounds of memory")

;; What a guest's realloc may answer, and what it is asked.

(component
  (component $Guest
    (core module $M
      (memory (export "mem") 1)
      (global $calls (mut i32) (i32.const 0))
      (global $align (mut i32) (i32.const 0))
      (global $size (mut i32) (i32.const 0))
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32)
        (param $size i32) (result i32)
        (local $new i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (global.set $align (local.get $align))
        (global.set $size (local.get $size))
        (local.set $new (global.get $next))
        (global.set $next (i32.add (global.get $next) (i32.const 256)))
        (local.get $new))
      (func (export "calls") (param i32 i32) (result i32) (global.get $calls))
      (func (export "align") (param i32 i32) (result i32) (global.get $align))
      (func (export "size") (param i32 i32) (result i32) (global.get $size))
      (func (export "where") (param i32 i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $M))
    (type $pair (tuple u8 u64))
    (func (export "calls") (param "l" (list (list u16))) (result u32)
      (canon lift (core func $m "calls")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
    (func (export "align") (param "l" (list $pair)) (result u32)
      (canon lift (core func $m "align")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
    (func (export "size") (param "l" (list $pair)) (result u32)
      (canon lift (core func $m "size")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc"))))
    (func (export "where") (param "l" (list u32)) (result u32)
      (canon lift (core func $m "where")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc")))))
  (instance $guest (instantiate $Guest))
  (export "guest" (instance $guest)))

;; One block for the outer list, one for each inner one, an empty one too.
(assert_return
  (invoke "guest#calls" (list.const (list.const (u16.const 1)) (list.const) (list.const)))
  (u32.const 4))
;; Even nothing at all is asked for.
(assert_return (invoke "guest#calls" (list.const)) (u32.const 5))
(assert_return (invoke "guest#align" (list.const)) (u32.const 8))
(assert_return
  (invoke "guest#size" (list.const
    (tuple.const (u8.const 1) (u64.const 2)) (tuple.const (u8.const 3) (u64.const 4))))
  (u32.const 32))
;; Blocks lie where realloc says: the seventh was handed out so far, in order.
(assert_return (invoke "guest#where" (list.const (u32.const 1))) (u32.const 2816))

(component definition $Answers
  (core module $M
    (memory (export "mem") 1)
    (func (export "at-the-end") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
    (func (export "beyond") (param i32 i32 i32 i32) (result i32) (i32.const 65537))
    (func (export "odd") (param i32 i32 i32 i32) (result i32) (i32.const 1026))
    (func (export "too-close") (param i32 i32 i32 i32) (result i32) (i32.const 65532))
    (func (export "broken") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "length") (param i32 i32) (result i32) (local.get 1)))
  (core instance $m (instantiate $M))
  (func (export "at-the-end") (param "l" (list u8)) (result u32)
    (canon lift (core func $m "length")
      (memory (core memory $m "mem")) (realloc (core func $m "at-the-end"))))
  (func (export "beyond") (param "l" (list u8)) (result u32)
    (canon lift (core func $m "length")
      (memory (core memory $m "mem")) (realloc (core func $m "beyond"))))
  (func (export "odd") (param "l" (list u32)) (result u32)
    (canon lift (core func $m "length")
      (memory (core memory $m "mem")) (realloc (core func $m "odd"))))
  (func (export "odd-bytes") (param "l" (list u16)) (result u32)
    (canon lift (core func $m "length")
      (memory (core memory $m "mem")) (realloc (core func $m "odd"))))
  (func (export "too-close") (param "l" (list u32)) (result u32)
    (canon lift (core func $m "length")
      (memory (core memory $m "mem")) (realloc (core func $m "too-close"))))
  (func (export "broken") (param "l" (list u32)) (result u32)
    (canon lift (core func $m "length")
      (memory (core memory $m "mem")) (realloc (core func $m "broken")))))

(component instance $fine $Answers)
;; The end of the memory is a place for nothing.
(assert_return (invoke "at-the-end" (list.const)) (u32.const 0))
(assert_return (invoke "odd-bytes" (list.const (u16.const 7))) (u32.const 1))
(assert_return (invoke "too-close" (list.const (u32.const 7))) (u32.const 1))
(assert_trap (invoke "at-the-end" (list.const (u8.const 1))) "realloc return: beyond end of memory")
(component instance $1 $Answers)
(assert_trap (invoke "beyond" (list.const)) "realloc return: beyond end of memory")
(component instance $2 $Answers)
(assert_trap (invoke "odd" (list.const)) "realloc return: result not aligned")
(component instance $3 $Answers)
(assert_trap
  (invoke "too-close" (list.const (u32.const 1) (u32.const 2)))
  "realloc return: beyond end of memory")
(component instance $4 $Answers)
(assert_trap (invoke "broken" (list.const)) "unreachable")

;; A realloc that calls out of its component: it may not leave while it lowers.
(component
  (component $Out
    (core module $M (func (export "f")))
    (core instance $m (instantiate $M))
    (func (export "f") (canon lift (core func $m "f"))))
  (component $Leaving
    (import "f" (func $f))
    (core func $f' (canon lower (func $f)))
    (core module $M
      (import "" "f" (func $f))
      (memory (export "mem") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $f) (i32.const 8))
      (func (export "take") (param i32 i32) (call $f)))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f'))))))
    (func (export "take") (param "s" string)
      (canon lift (core func $m "take")
        (memory (core memory $m "mem")) (realloc (core func $m "realloc")))))
  (instance $out (instantiate $Out))
  (instance $leaving (instantiate $Leaving (with "f" (func $out "f"))))
  (export "take" (func $leaving "take")))
(assert_trap (invoke "take" (str.const "x")) "cannot leave component instance")

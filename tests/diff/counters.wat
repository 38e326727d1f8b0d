;; Counters, whose representation is the address of their number, and sinks that the host defines.
(module
  (import "[export]test:counters/api" "[resource-new]counter" (func $new (param i32) (result i32)))
  (import "[export]test:counters/api" "[resource-rep]counter" (func $rep (param i32) (result i32)))
  (import "[export]test:counters/api" "[resource-drop]counter" (func $drop (param i32)))
  (import "test:counters/sinks" "[constructor]sink" (func $open (result i32)))
  (import "test:counters/sinks" "[method]sink.write" (func $write (param i32 i32 i32 i32)))
  (import "test:counters/sinks" "[resource-drop]sink" (func $close (param i32)))
  (import "test:counters/sinks" "drain" (func $drain (param i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (global $destroyed (mut i32) (i32.const 0))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)

  (func $counter (param $start i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 4)))
    (if (i32.ge_u (global.get $next) (i32.const 65536)) (then unreachable))
    (i32.store (global.get $next) (local.get $start))
    (call $new (global.get $next)))

  (func (export "test:counters/api#[constructor]counter") (param $start i32) (result i32)
    (call $counter (local.get $start)))

  (func (export "test:counters/api#[method]counter.add") (param $rep i32) (param $n i32) (result i32)
    (i32.store (local.get $rep) (i32.add (i32.load (local.get $rep)) (local.get $n)))
    (i32.load (local.get $rep)))

  ;; The first is given to us, so that we destroy it; the second is ours to read only.
  (func (export "test:counters/api#[static]counter.merge") (param $a i32) (param $b i32) (result i32)
    (local $sum i32)
    (local.set $sum
      (i32.add (i32.load (call $rep (local.get $a))) (i32.load (local.get $b))))
    (call $drop (local.get $a))
    (call $counter (local.get $sum)))

  (func (export "test:counters/api#[dtor]counter") (param $rep i32)
    (i32.store (local.get $rep) (i32.const -1))
    (global.set $destroyed (i32.add (global.get $destroyed) (i32.const 1))))

  ;; An even number is drained, an odd one dropped.
  (func (export "test:counters/api#flush") (param $rep i32) (param $sink i32) (result i32)
    (call $write (local.get $sink) (local.get $rep) (i32.const 4) (i32.const 32))
    (if (i32.and (i32.load (local.get $rep)) (i32.const 1))
      (then (call $close (local.get $sink)))
      (else (call $drain (local.get $sink))))
    (i32.store8 (i32.const 64) (i32.load8_u (i32.const 32)))
    (i32.store (i32.const 68) (i32.load (i32.const 36)))
    (i32.const 64))

  (func (export "test:counters/api#peek") (param $sink i32) (result i32)
    (call $write (local.get $sink) (i32.const 0) (i32.const 0) (i32.const 32))
    (call $close (local.get $sink))
    (global.get $destroyed))

  (func (export "test:counters/api#open") (result i32)
    (call $open)))

;; Kernels over whole payloads, in the memory of the packet pool. After a change of this file run
;; `npm run build && node dist/scripts/build-wasm.js`, which compiles it into payload-wasm.ts.
(module
  (import "pool" "memory" (memory 1 65536 shared))

  ;; One's complement sum (RFC 1071) of the bytes [at, at + length) as little-endian 16-bit words, the first
  ;; byte being the low half of the first word; an odd last byte is followed by a zero. 0 to 0xffff.
  ;;
  ;; The quick way to add 16-bit lanes into 32-bit ones is the signed dot product with ones. So that signed
  ;; equals unsigned, each word has 0x8000 taken off first (xor $bias); what was taken off, 8 * 0x8000 = 2^18
  ;; a vector, is added at the end. A lane takes at most 2^16 for 16 bytes: no overflow up to 512 KB.
  (func (export "sum") (param $at i32) (param $length i32) (result i32)
    (local $end i32) (local $bias v128) (local $ones v128) (local $a v128) (local $b v128) (local $total i64)
    (local.set $bias (i16x8.splat (i32.const 0x8000)))
    (local.set $ones (i16x8.splat (i32.const 1)))

    ;; 64 bytes at a time, in two chains of additions
    (local.set $end (i32.add (local.get $at) (i32.and (local.get $length) (i32.const -64))))
    (block $done64
      (loop $next64
        (br_if $done64 (i32.eq (local.get $at) (local.get $end)))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.add
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (v128.load align=1 (local.get $at))))
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (v128.load offset=16 align=1 (local.get $at)))))))
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.add
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (v128.load offset=32 align=1 (local.get $at))))
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (v128.load offset=48 align=1 (local.get $at)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next64)))

    ;; 16 bytes at a time
    (local.set $end (i32.add (local.get $at) (i32.and (local.get $length) (i32.const 48))))
    (block $done16
      (loop $next16
        (br_if $done16 (i32.eq (local.get $at) (local.get $end)))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (v128.load align=1 (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next16)))

    ;; what the biased vectors lack: one for each 16 bytes, one for 8 bytes more
    (local.set $total (i64.shl
      (i64.extend_i32_u (i32.shr_u (i32.add (local.get $length) (i32.const 8)) (i32.const 4)))
      (i64.const 18)))

    ;; the last 0 to 15 bytes, never reading behind them: 8, 4, 2, 1
    (if (i32.and (local.get $length) (i32.const 8))
      (then
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (v128.load64_zero align=1 (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))))
    (if (i32.and (local.get $length) (i32.const 4))
      (then
        (local.set $total (i64.add (local.get $total) (i64.load32_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))))
    (if (i32.and (local.get $length) (i32.const 2))
      (then
        (local.set $total (i64.add (local.get $total) (i64.load16_u align=1 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))))
    (if (i32.and (local.get $length) (i32.const 1))
      (then
        (local.set $total (i64.add (local.get $total) (i64.load8_u (local.get $at))))))

    ;; the lanes into 64 bits, and fold: 2^16 is 1 in one's complement
    (local.set $a (i64x2.add
      (i64x2.add (i64x2.extend_low_i32x4_s (local.get $a)) (i64x2.extend_high_i32x4_s (local.get $a)))
      (i64x2.add (i64x2.extend_low_i32x4_s (local.get $b)) (i64x2.extend_high_i32x4_s (local.get $b)))))
    (local.set $total (i64.add (local.get $total)
      (i64.add (i64x2.extract_lane 0 (local.get $a)) (i64x2.extract_lane 1 (local.get $a)))))
    (local.set $total (i64.add
      (i64.and (local.get $total) (i64.const 0xffff)) (i64.shr_u (local.get $total) (i64.const 16))))
    (local.set $total (i64.add
      (i64.and (local.get $total) (i64.const 0xffff)) (i64.shr_u (local.get $total) (i64.const 16))))
    (i32.wrap_i64 (i64.add
      (i64.and (local.get $total) (i64.const 0xffff)) (i64.shr_u (local.get $total) (i64.const 16)))))

  ;; Copies length bytes forward from src to dst. The two regions do not overlap, which lets the last piece
  ;; be written as a whole vector (or word) that ends with the region, over bytes already copied.
  (func (export "copy") (param $dst i32) (param $src i32) (param $length i32)
    (local $end i32) (local $last i32)
    (if (i32.ge_u (local.get $length) (i32.const 16))
      (then
        (local.set $last (i32.sub (i32.add (local.get $src) (local.get $length)) (i32.const 16)))
        (local.set $end (i32.add (local.get $src) (i32.and (local.get $length) (i32.const -64))))
        (block $done64
          (loop $next64
            (br_if $done64 (i32.eq (local.get $src) (local.get $end)))
            (v128.store align=1 (local.get $dst) (v128.load align=1 (local.get $src)))
            (v128.store offset=16 align=1 (local.get $dst) (v128.load offset=16 align=1 (local.get $src)))
            (v128.store offset=32 align=1 (local.get $dst) (v128.load offset=32 align=1 (local.get $src)))
            (v128.store offset=48 align=1 (local.get $dst) (v128.load offset=48 align=1 (local.get $src)))
            (local.set $src (i32.add (local.get $src) (i32.const 64)))
            (local.set $dst (i32.add (local.get $dst) (i32.const 64)))
            (br $next64)))
        (block $done16
          (loop $next16
            (br_if $done16 (i32.ge_u (local.get $src) (local.get $last)))
            (v128.store align=1 (local.get $dst) (v128.load align=1 (local.get $src)))
            (local.set $src (i32.add (local.get $src) (i32.const 16)))
            (local.set $dst (i32.add (local.get $dst) (i32.const 16)))
            (br $next16)))
        ;; src is at most 16 bytes behind last (0 when nothing is left): both step back or forward by as much
        (local.set $dst (i32.add (local.get $dst) (i32.sub (local.get $last) (local.get $src))))
        (v128.store align=1 (local.get $dst) (v128.load align=1 (local.get $last)))
        (return)))
    (local.set $last (i32.add (local.get $dst) (local.get $length)))
    (local.set $end (i32.add (local.get $src) (local.get $length)))
    (if (i32.ge_u (local.get $length) (i32.const 8))
      (then
        (i64.store align=1 (local.get $dst) (i64.load align=1 (local.get $src)))
        (i64.store align=1 (i32.sub (local.get $last) (i32.const 8))
          (i64.load align=1 (i32.sub (local.get $end) (i32.const 8))))
        (return)))
    (if (i32.ge_u (local.get $length) (i32.const 4))
      (then
        (i32.store align=1 (local.get $dst) (i32.load align=1 (local.get $src)))
        (i32.store align=1 (i32.sub (local.get $last) (i32.const 4))
          (i32.load align=1 (i32.sub (local.get $end) (i32.const 4))))
        (return)))
    (if (i32.ge_u (local.get $length) (i32.const 2))
      (then
        (i32.store16 align=1 (local.get $dst) (i32.load16_u align=1 (local.get $src)))
        (i32.store8 (i32.sub (local.get $last) (i32.const 1))
          (i32.load8_u (i32.sub (local.get $end) (i32.const 1))))
        (return)))
    (if (local.get $length)
      (then
        (i32.store8 (local.get $dst) (i32.load8_u (local.get $src))))))

  ;; copy and sum in one pass: the bytes go from src to dst (which do not overlap), their sum is returned.
  (func (export "copySum") (param $dst i32) (param $src i32) (param $length i32) (result i32)
    (local $end i32) (local $bias v128) (local $ones v128) (local $a v128) (local $b v128) (local $total i64)
    (local $v v128) (local $w v128) (local $x v128) (local $y v128) (local $piece i32) (local $wide i64)
    (local.set $bias (i16x8.splat (i32.const 0x8000)))
    (local.set $ones (i16x8.splat (i32.const 1)))

    ;; 64 bytes at a time
    (local.set $end (i32.add (local.get $src) (i32.and (local.get $length) (i32.const -64))))
    (block $done64
      (loop $next64
        (br_if $done64 (i32.eq (local.get $src) (local.get $end)))
        (v128.store align=1 (local.get $dst) (local.tee $v (v128.load align=1 (local.get $src))))
        (v128.store offset=16 align=1 (local.get $dst) (local.tee $w (v128.load offset=16 align=1 (local.get $src))))
        (v128.store offset=32 align=1 (local.get $dst) (local.tee $x (v128.load offset=32 align=1 (local.get $src))))
        (v128.store offset=48 align=1 (local.get $dst) (local.tee $y (v128.load offset=48 align=1 (local.get $src))))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.add
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (local.get $v)))
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (local.get $w))))))
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.add
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (local.get $x)))
            (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (local.get $y))))))
        (local.set $src (i32.add (local.get $src) (i32.const 64)))
        (local.set $dst (i32.add (local.get $dst) (i32.const 64)))
        (br $next64)))

    ;; 16 bytes at a time
    (local.set $end (i32.add (local.get $src) (i32.and (local.get $length) (i32.const 48))))
    (block $done16
      (loop $next16
        (br_if $done16 (i32.eq (local.get $src) (local.get $end)))
        (v128.store align=1 (local.get $dst) (local.tee $v (v128.load align=1 (local.get $src))))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.dot_i16x8_s (local.get $ones) (v128.xor (local.get $bias) (local.get $v)))))
        (local.set $src (i32.add (local.get $src) (i32.const 16)))
        (local.set $dst (i32.add (local.get $dst) (i32.const 16)))
        (br $next16)))

    ;; what the biased vectors lack; from here on plain words
    (local.set $total (i64.shl
      (i64.extend_i32_u (i32.shr_u (local.get $length) (i32.const 4)))
      (i64.const 18)))

    ;; the last 0 to 15 bytes, nothing behind them read or written: 8, 4, 2, 1
    (if (i32.and (local.get $length) (i32.const 8))
      (then
        (i64.store align=1 (local.get $dst) (local.tee $wide (i64.load align=1 (local.get $src))))
        (local.set $total (i64.add (local.get $total)
          (i64.add (i64.and (local.get $wide) (i64.const 0xffffffff)) (i64.shr_u (local.get $wide) (i64.const 32)))))
        (local.set $src (i32.add (local.get $src) (i32.const 8)))
        (local.set $dst (i32.add (local.get $dst) (i32.const 8)))))
    (if (i32.and (local.get $length) (i32.const 4))
      (then
        (i32.store align=1 (local.get $dst) (local.tee $piece (i32.load align=1 (local.get $src))))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (local.get $piece))))
        (local.set $src (i32.add (local.get $src) (i32.const 4)))
        (local.set $dst (i32.add (local.get $dst) (i32.const 4)))))
    (if (i32.and (local.get $length) (i32.const 2))
      (then
        (i32.store16 align=1 (local.get $dst) (local.tee $piece (i32.load16_u align=1 (local.get $src))))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (local.get $piece))))
        (local.set $src (i32.add (local.get $src) (i32.const 2)))
        (local.set $dst (i32.add (local.get $dst) (i32.const 2)))))
    (if (i32.and (local.get $length) (i32.const 1))
      (then
        (i32.store8 (local.get $dst) (local.tee $piece (i32.load8_u (local.get $src))))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (local.get $piece))))))

    (local.set $a (i64x2.add
      (i64x2.add (i64x2.extend_low_i32x4_s (local.get $a)) (i64x2.extend_high_i32x4_s (local.get $a)))
      (i64x2.add (i64x2.extend_low_i32x4_s (local.get $b)) (i64x2.extend_high_i32x4_s (local.get $b)))))
    (local.set $total (i64.add (local.get $total)
      (i64.add (i64x2.extract_lane 0 (local.get $a)) (i64x2.extract_lane 1 (local.get $a)))))
    (local.set $total (i64.add
      (i64.and (local.get $total) (i64.const 0xffff)) (i64.shr_u (local.get $total) (i64.const 16))))
    (local.set $total (i64.add
      (i64.and (local.get $total) (i64.const 0xffff)) (i64.shr_u (local.get $total) (i64.const 16))))
    (i32.wrap_i64 (i64.add
      (i64.and (local.get $total) (i64.const 0xffff)) (i64.shr_u (local.get $total) (i64.const 16)))))
)

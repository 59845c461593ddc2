"""ML-KEM-768 (FIPS 203), written for reading: one function per algorithm of the standard.

Polynomials are lists of 256 integers modulo Q. The parameters are k = 3, eta1 = eta2 = 2,
du = 10, dv = 4. Run as a program, it checks itself against an accumulated test vector.
"""
import hashlib
import sys

Q, N, K, DU, DV = 3329, 256, 3, 10, 4
ENCAPSULATION_KEY_LEN, CIPHERTEXT_LEN = 384 * K + 32, 32 * (DU * K + DV)


def _reversed7(i):
    return int(f"{i:07b}"[::-1], 2)


ZETAS = [pow(17, _reversed7(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * _reversed7(i) + 1, Q) for i in range(128)]


def _hash_g(data):
    digest = hashlib.sha3_512(data).digest()
    return digest[:32], digest[32:]


def ntt(f):
    """Algorithm 9."""
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j + length], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        length //= 2
    return f


def ntt_inverse(f):
    """Algorithm 10. 3303 is 1/128 modulo Q."""
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + length):
                t = f[j]
                f[j], f[j + length] = (t + f[j + length]) % Q, zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * 3303 % Q for x in f]


def multiply(f, g):
    """Algorithms 11 and 12: a product in the NTT domain."""
    h = []
    for i in range(128):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * GAMMAS[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


def add(*polynomials):
    return [sum(column) % Q for column in zip(*polynomials)]


def dot(row, vector):
    return add(*(multiply(a, b) for a, b in zip(row, vector)))


def sample_uniform(rho, column, row):
    """Algorithm 7, SampleNTT: the entry (row, column) of the matrix."""
    stream = hashlib.shake_128(rho + bytes([column, row])).digest(168 * 12)
    out = []
    for a, b, c in zip(stream[::3], stream[1::3], stream[2::3]):
        out += [d for d in (a + 256 * (b % 16), b // 16 + 16 * c) if d < Q]
    assert len(out) >= N  # the chance of too few is below 2^-250
    return out[:N]


def sample_noise(seed, counter):
    """Algorithm 8, SamplePolyCBD with eta = 2, over the PRF of section 4.1."""
    stream = hashlib.shake_256(seed + bytes([counter])).digest(128)
    bits = [byte >> i & 1 for byte in stream for i in range(8)]
    return [(bits[4 * i] + bits[4 * i + 1] - bits[4 * i + 2] - bits[4 * i + 3]) % Q
            for i in range(N)]


def encode(f, d):
    """Algorithm 5, ByteEncode: d bits a coefficient, lowest first."""
    return sum(x << d * i for i, x in enumerate(f)).to_bytes(32 * d, "little")


def decode(data, d):
    """Algorithm 6, ByteDecode (without the reduction, which d < 12 does not need)."""
    number = int.from_bytes(data, "little")
    return [number >> d * i & (1 << d) - 1 for i in range(N)]


def compress(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def decompress(f, d):
    return [(x * Q + (1 << d - 1)) >> d for x in f]


def _chunks(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def key_generate(d, z):
    """Algorithm 16: (encapsulation key, decapsulation key) from two 32-byte seeds."""
    rho, sigma = _hash_g(d + bytes([K]))
    s = [ntt(sample_noise(sigma, i)) for i in range(K)]
    e = [ntt(sample_noise(sigma, K + i)) for i in range(K)]
    t = [add(dot([sample_uniform(rho, j, i) for j in range(K)], s), e[i]) for i in range(K)]
    ek = b"".join(encode(p, 12) for p in t) + rho
    dk = b"".join(encode(p, 12) for p in s)
    return ek, dk + ek + hashlib.sha3_256(ek).digest() + z


def _encrypt(ek, message, randomness):
    """Algorithm 14, K-PKE.Encrypt."""
    t, rho = [decode(c, 12) for c in _chunks(ek[:384 * K], 384)], ek[384 * K:]
    y = [ntt(sample_noise(randomness, i)) for i in range(K)]
    u = [add(ntt_inverse(dot([sample_uniform(rho, i, j) for j in range(K)], y)),
             sample_noise(randomness, K + i)) for i in range(K)]
    v = add(ntt_inverse(dot(t, y)), sample_noise(randomness, 2 * K),
            decompress(decode(message, 1), 1))
    return b"".join(encode(compress(p, DU), DU) for p in u) + encode(compress(v, DV), DV)


def is_encapsulation_key(ek):
    """The type and modulus checks of section 7.2."""
    return len(ek) == ENCAPSULATION_KEY_LEN and all(
        x < Q for c in _chunks(ek[:384 * K], 384) for x in decode(c, 12))


def encapsulate(ek, message):
    """Algorithm 17: (ciphertext, shared secret); `message` is 32 random bytes."""
    secret, randomness = _hash_g(message + hashlib.sha3_256(ek).digest())
    return _encrypt(ek, message, randomness), secret


def decapsulate(dk, ciphertext):
    """Algorithm 18, with implicit rejection."""
    dk_pke, ek = dk[:384 * K], dk[384 * K:768 * K + 32]
    ek_hash, z = dk[768 * K + 32:768 * K + 64], dk[768 * K + 64:]
    u = [ntt(decompress(decode(c, DU), DU)) for c in _chunks(ciphertext[:320 * K], 320)]
    v = decompress(decode(ciphertext[320 * K:], DV), DV)
    s = [decode(c, 12) for c in _chunks(dk_pke, 384)]
    w = [(a - b) % Q for a, b in zip(v, ntt_inverse(dot(s, u)))]
    message = encode(compress(w, 1), 1)
    secret, randomness = _hash_g(message + ek_hash)
    if _encrypt(ek, message, randomness) != ciphertext:
        return hashlib.shake_256(z + ciphertext).digest(32)
    return secret


def accumulated(rounds):
    """A digest over many keys, ciphertexts and secrets drawn from one SHAKE-128 stream;
    each round also decapsulates a random (so invalid) ciphertext."""
    stream = hashlib.shake_128(b"").digest(rounds * (96 + CIPHERTEXT_LEN))
    total = hashlib.shake_128()
    for r in _chunks(stream, 96 + CIPHERTEXT_LEN):
        ek, dk = key_generate(r[:32], r[32:64])
        ciphertext, secret = encapsulate(ek, r[64:96])
        assert decapsulate(dk, ciphertext) == secret and is_encapsulation_key(ek)
        total.update(ek + ciphertext + secret + decapsulate(dk, r[96:]))
    return total.digest(32).hex()


if __name__ == "__main__":
    # 100 rounds; the value is the one in the tests of Go's crypto/mlkem.
    expected = "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"
    sys.exit(0 if accumulated(100) == expected else "ML-KEM-768 differs from the test vector")

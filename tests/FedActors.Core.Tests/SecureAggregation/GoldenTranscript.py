"""A second implementation of one secure sum, written from the protocol's pages and not from the C# code.

Plays five hospitals, the fifth of which falls silent after it shared its secrets, with the same drawn bytes as the test, and
prints what GoldenTranscript.txt holds. Signatures are left out: the platform's ECDSA draws its own nonces, and no key, mask or
hash of the protocol depends on a signature.

    python3 GoldenTranscript.py > GoldenTranscript.txt        # needs the package `cryptography`
"""
import hashlib, hmac, struct
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

H = lambda data: hashlib.sha256(data).digest()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def canonical(label, *fields):
    out = b""
    for field in (label,) + fields:
        if isinstance(field, str):
            field = field.encode()
        out += struct.pack(">I", len(field)) + field
    return out


def u32(x): return struct.pack(">I", x)
def u64(x): return struct.pack(">Q", x)
def f64(x): return struct.pack(">d", x)
def names(ids): return (u32(len(ids)),) + tuple(ids)


class Drawn:
    """The test's source: SHA-256(seed || counter), both 64-bit big-endian, each draw from a fresh block."""

    def __init__(self, seed): self.seed, self.counter = seed, 0

    def take(self, n):
        out = b""
        while len(out) < n:
            out += H(struct.pack(">qq", self.seed, self.counter))
            self.counter += 1
        return out[:n]

    def below(self, bound): return struct.unpack(">I", self.take(4))[0] % bound

    def scalar(self):
        while True:
            k = int.from_bytes(self.take(32), "big")
            if 1 <= k < ORDER:
                return k


def key(k): return ec.derive_private_key(k, ec.SECP256R1())


def point(k):
    n = key(k).public_key().public_numbers()
    return n.x.to_bytes(32, "big") + n.y.to_bytes(32, "big")


def agree(k, p):
    peer = ec.EllipticCurvePublicNumbers(int.from_bytes(p[:32], "big"), int.from_bytes(p[32:], "big"), ec.SECP256R1()).public_key()
    return key(k).exchange(ec.ECDH(), peer)


def extract(salt, secret): return hmac.new(salt, secret, hashlib.sha256).digest()
def expand(prk, info): return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a >> 128:
            a ^= (1 << 128) | 0x87
        b >>= 1
    return product


def split(secret, threshold, holders, random):
    drawn = random.take((threshold - 1) * 32)
    rows = [drawn[i:i + 32] for i in range(0, len(drawn), 32)] + [secret]
    shares = []
    for x in range(1, holders + 1):
        share = b""
        for half in (0, 16):
            value = 0
            for row in rows:
                value = times(value, x) ^ int.from_bytes(row[half:half + 16], "big")
            share += value.to_bytes(16, "big")
        shares.append(share)
    return shares


def stream(k, words):
    cipher = Cipher(algorithms.AES(k), modes.CTR(bytes(16))).encryptor()
    return struct.unpack("<%dI" % words, cipher.update(bytes(4 * words)))


def line(*parts): print(" ".join(p.hex() if isinstance(p, bytes) else str(p) for p in parts))


IDS = ["h%04d" % i for i in range(1, 6)]
N, CORRUPT, QUORUM, LEAST, WORDS, SEED, ATTEMPT = 5, 1, 4, 4, 8, 1, 1

authority = Drawn(SEED * 1000)
coordinator = authority.scalar()
site = {}
for ident in IDS:
    site[ident] = authority.scalar()
roster = H(canonical("FA/roster/v1", point(coordinator), u32(N), *[f for i in IDS for f in (i, point(site[i]))]))
model, task, training = H(b"model"), H(b"plan"), H(b"training")
ticks = lambda seconds: u64(seconds * 10_000_000)
sid = H(canonical("FA/sid/v1", u32(1), "P-256", training, u64(1), u32(ATTEMPT), roster, model, task, H(b""), *names(IDS),
                  u32(32), u32(WORDS), u32(WORDS - 1), u32(8), f64(1.0), u64(1000), f64(0.0),
                  u32(N), u32(CORRUPT), u32(QUORUM), u32(LEAST), u32(0), u32(QUORUM), u32(0), u32(0), f64(0.0), u32(0),
                  ticks(1), ticks(2), ticks(3), ticks(4)))
line("sid", sid)

source, envelope_key, mask_key, seed, statement = {}, {}, {}, {}, {}
adverts = []
for index, i in enumerate(IDS):
    r = source[i] = Drawn(SEED * 1_000_003 + index * 101 + ATTEMPT)
    envelope_key[i], mask_key[i], seed[i], beacon = r.scalar(), r.scalar(), r.take(32), r.take(32)
    commitment = H(canonical("FA/cb/v1", sid, i, seed[i]))
    statement[i] = H(canonical("FA/adv/v1", sid, i, point(envelope_key[i]), point(mask_key[i]), commitment, beacon))
    line("advertise", i, statement[i])
u1 = H(canonical("FA/U1/v1", sid, u32(N), *[f for i in IDS for f in (i, statement[i])]))
line("U1", u1)

inbox = {i: {} for i in IDS}
own = {}
for u in IDS:
    seeds = split(seed[u], QUORUM, N, source[u])
    keys = split(mask_key[u].to_bytes(32, "big"), QUORUM, N, source[u])
    fields = []
    for x, v in enumerate(IDS):
        plain = seeds[x] + keys[x]
        if v == u:
            own[u] = plain
            continue
        k = expand(extract(sid, agree(envelope_key[u], point(envelope_key[v]))), canonical("FA/enc/v1", u, v, u1))
        aad = canonical("FA/share/v1", sid, u1, u, v, u32(x + 1), u32(QUORUM), u32(N))
        nonce = source[u].take(12)
        envelope = nonce + AESGCM(k).encrypt(nonce, plain, aad)
        inbox[v][u] = plain
        fields += [v, envelope]
    line("shares", u, H(canonical("FA/shares/v1", sid, u, u1, u32(N - 1), *fields)))
u2 = H(canonical("FA/U2/v1", sid, *names(IDS)))
line("U2", u2)

alive = IDS[:4]
total = [0] * WORDS
for u in alive:
    marks = Drawn(int(u[1:]))
    update = [1 if c == WORDS - 1 else marks.below(1 << 21) - (1 << 20) for c in range(WORDS)]
    total = [(a + b) % 2**32 for a, b in zip(total, update)]
    k = expand(extract(sid, seed[u]), canonical("FA/self/v1", u, u32(32), u64(WORDS), u2))
    masked = [(a + b) % 2**32 for a, b in zip(update, stream(k, WORDS))]
    for v in IDS:
        if v == u:
            continue
        prk = extract(sid, agree(mask_key[u], point(mask_key[v])))
        k = expand(prk, canonical("FA/pair/v1", min(u, v), max(u, v), u32(32), u64(WORDS), u1, u2, model))
        sign = 1 if u < v else -1
        masked = [(a + sign * b) % 2**32 for a, b in zip(masked, stream(k, WORDS))]
    vector = struct.pack("<%dI" % WORDS, *masked)
    line("masked", u, vector, H(canonical("FA/masked/v1", sid, u, u1, u2, H(vector))))
u3 = H(canonical("FA/U3/v1", sid, *names(alive)))
line("U3", u3)
for u in alive:
    line("consistency", u, H(canonical("FA/con/v1", sid, u, u1, u2, u3, model)))
for u in alive:
    fields = []
    for v in IDS:
        plain = own[u] if v == u else inbox[u][v]
        fields += [v, plain[:32] if v in alive else plain[32:]]
    line("response", u, H(canonical("FA/response/v1", sid, u, u3, u32(N), *fields)))
line("sum", struct.pack("<%dI" % WORDS, *total))

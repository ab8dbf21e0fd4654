using System.Buffers.Binary;
using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.SecureAggregation;
using FedActors.Simulation.Benchmarks;

namespace FedActors.Benchmarks;

/// <summary>Masks of a vector of 2^23 words (32 MiB), beside the platform's AES over the same counter blocks.</summary>
public class MaskBenchmarks
{
    private const int Bytes = 32 << 20;
    private const int TileSize = 64 << 10;

    private readonly byte[] _vector = new byte[Bytes];
    private readonly byte[] _counters = new byte[TileSize];
    private readonly byte[] _stream = new byte[TileSize];
    private readonly Aes _aes = Aes.Create();
    private byte[] _keys = [];
    private bool[] _subtract = [];

    [Params(1, 100)]
    public int Peers { get; set; }

    [GlobalSetup]
    public void DrawKeys()
    {
        _keys = RandomNumberGenerator.GetBytes(Peers * MaskStream.KeySize);
        _subtract = [.. Enumerable.Range(0, Peers).Select(i => i % 2 == 0)];
        _aes.SetKey(_keys.AsSpan(0, MaskStream.KeySize));
    }

    [GlobalCleanup]
    public void Free() => _aes.Dispose();

    /// <summary>The stream alone, as the platform makes it: added to nothing.</summary>
    [Benchmark(Baseline = true)]
    public void PlatformStream()
    {
        for (var peer = 0; peer < Peers; peer++)
        {
            for (var start = 0; start < Bytes; start += TileSize)
            {
                for (var at = 0; at < TileSize; at += 16)
                    BinaryPrimitives.WriteUInt64BigEndian(_counters.AsSpan(at + 8), (ulong)(start + at) / 16);
                _aes.EncryptEcb(_counters, _stream, PaddingMode.None);
            }
        }
    }

    [Benchmark]
    public void ExpandAndAdd() => MaskStream.Apply(_vector, 32, _keys, _subtract);

    [Benchmark]
    public void ExpandAndAdd64() => MaskStream.Apply(_vector, 64, _keys, _subtract);
}

/// <summary>One 32-byte secret among n holders, two thirds and one needed.</summary>
public class ShamirBenchmarks
{
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(ShamirSecretSharing.Size);
    private byte[] _shares = [], _some = [];
    private ushort[] _positions = [];

    [Params(10, 100, 1000)]
    public int Holders { get; set; }

    private int Threshold => Thresholds.For(Holders).Quorum;

    [GlobalSetup]
    public void Deal()
    {
        _shares = new byte[Holders * ShamirSecretSharing.Size];
        Share();
        _some = _shares[..(Threshold * ShamirSecretSharing.Size)];
        _positions = [.. Enumerable.Range(1, Threshold).Select(i => (ushort)i)];
    }

    [Benchmark]
    public void Share() => ShamirSecretSharing.Split(_secret, Threshold, SecureRandomSource.Instance, _shares);

    /// <summary>As the hub does it: the coefficients once, then the secret of every holder.</summary>
    [Benchmark]
    public void CombineOneOfEach()
    {
        var combiner = new ShareCombiner(_positions);
        for (var i = 0; i < Holders; i++)
            combiner.Combine(_some, _secret);
    }
}

public class FieldBenchmarks
{
    private readonly UInt128 _a = BinaryField128.Read(RandomNumberGenerator.GetBytes(BinaryField128.Size));
    private readonly UInt128 _b = BinaryField128.Read(RandomNumberGenerator.GetBytes(BinaryField128.Size));

    [Benchmark(Baseline = true)]
    public UInt128 Multiply() => BinaryField128.Multiply(_a, _b);

    [Benchmark]
    public UInt128 MultiplyPortable() => BinaryField128.MultiplyPortable(_a, _b);

    [Benchmark]
    public UInt128 Inverse() => BinaryField128.Inverse(_a);
}

/// <summary>What two hospitals do to share a mask, and what a signature costs.</summary>
public class KeyAgreementBenchmarks
{
    private readonly EphemeralKey _mine = EphemeralKey.Draw(SecureRandomSource.Instance);
    private readonly SiteKey _site = SiteKey.Create(SecureRandomSource.Instance);
    private readonly byte[] _secret = new byte[KeySchedule.KeySize];
    private readonly Digest _statement = Digest.Of("statement"u8);
    private PeerKey _peer = null!;
    private P256Point _point;
    private Signature _signature;

    [GlobalSetup]
    public void DrawPeer()
    {
        _point = EphemeralKey.Draw(SecureRandomSource.Instance).Public;
        _peer = PeerKey.Import(_point)!;
        _signature = _site.Sign(_statement);
    }

    [Benchmark]
    public void DrawKey() => EphemeralKey.Draw(SecureRandomSource.Instance).Dispose();

    [Benchmark(Baseline = true)]
    public void ImportAndAgree()
    {
        using var peer = PeerKey.Import(_point)!;
        _mine.Agree(peer, _secret);
    }

    [Benchmark]
    public void Agree() => _mine.Agree(_peer, _secret);

    [Benchmark]
    public Signature Sign() => _site.Sign(_statement);

    [Benchmark]
    public bool Verify() => _site.Public.Verifies(_statement, _signature);
}

/// <summary>The whole protocol in memory, warm-up included; what it costs each side is told by <c>fedactors bench
/// secagg</c>.</summary>
public class WholeSumBenchmarks
{
    [Params(0, 0.1, 0.3)]
    public double Dropout { get; set; }

    [Benchmark]
    public SecureAggregationFigures Hundred() => SecureAggregationBench.Run(100, 100_000, Dropout, seed: 1);
}

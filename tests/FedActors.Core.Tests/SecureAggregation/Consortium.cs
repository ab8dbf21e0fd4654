using System.Collections.Immutable;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>A coordinator and n hospitals with keys, as tests need them; every secret is drawn from the seed.</summary>
internal sealed class Consortium : IDisposable
{
    private readonly long _seed;

    public Consortium(int hospitals, long seed = 1)
    {
        _seed = seed;
        var random = new TestRandom(seed * 1000);
        CoordinatorKey = SiteKey.Create(random);
        Ids = [.. Enumerable.Range(1, hospitals).Select(i => new HospitalId($"h{i:0000}"))];
        Keys = Ids.ToImmutableDictionary(id => id, _ => SiteKey.Create(random));
        Roster = new Roster(CoordinatorKey.Public, Keys.Select(pair => KeyValuePair.Create(pair.Key, pair.Value.Public)));
    }

    public SiteKey CoordinatorKey { get; }

    public ImmutableArray<HospitalId> Ids { get; }

    public ImmutableDictionary<HospitalId, SiteKey> Keys { get; }

    public Roster Roster { get; }

    public static Digest Name(string text) => Digest.Of(System.Text.Encoding.UTF8.GetBytes(text));

    public static LocalView View { get; } = new(Name("model"), Name("plan"), null);

    /// <summary>Each hospital's generator, the same for the same seed, attempt and name.</summary>
    public TestRandom RandomOf(HospitalId hospital, int attempt = 1) =>
        new(_seed * 1_000_003 + Ids.IndexOf(hospital) * 101 + attempt);

    public RoundSpec Spec(int coordinates = 8, int wordBits = 32, int attempt = 1, int? corrupt = null, long round = 1, int? cohort = null)
    {
        var invited = cohort is { } some ? Ids[..some] : Ids;
        var thresholds = Thresholds.For(invited.Length, corrupt);
        return new RoundSpec(
            Name("training"), round, attempt, Roster.Hash, View.Model, View.Task, Digest.Of([]), invited,
            new RingSpec(wordBits, coordinates, coordinates - 1, 8, 1.0, 1000, 0),
            thresholds, GraphSpec.For(thresholds), NoiseSpec.None,
            new PhaseDeadlines(
                TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4)));
    }

    public void Dispose()
    {
        CoordinatorKey.Dispose();
        foreach (var key in Keys.Values)
            key.Dispose();
    }
}

using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Aggregation;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;
using FedActors.Core.Training;
using FedActors.Simulation;

namespace FedActors.Actors.Tests;

/// <summary>
/// What momentum and adaptive optimisers remember under differential privacy follows from what was released: from the
/// very bytes that left the hospitals, noise in them, through all four actors.
/// </summary>
public sealed class NoisedOptimiserTests : PrivateConsortiumTest
{
    private const int Rounds = 3;

    protected override IRandomSource RandomOf(HospitalId hospital) => new Counted(1, hospital);

    [Test]
    public void The_next_model_and_all_that_an_optimiser_remembers_follow_from_the_released_sums(
        [Values(Algorithm.FedAvg, Algorithm.FedAvgM, Algorithm.FedAdam, Algorithm.FedYogi, Algorithm.FedAdagrad)]
        Algorithm algorithm,
        [Values] bool isShared)
    {
        var plan = Plan("noised", secure: isShared, Rounds, algorithm);

        Start(plan);
        ExpectMsg<JobProtocol.JobStarted>();
        for (var round = 1; round <= Rounds; round++)
            Assert.That(ExpectMsg<JobProtocol.RoundReported>().Record.Included, Is.EqualTo(Cohort));
        var model = ExpectMsg<JobProtocol.JobFinished>().Model;

        Assert.That(model, Is.EqualTo(Followed(plan, seed: 1)));
        Assert.That(model, Is.Not.EqualTo(Followed(plan, seed: 2)), "other noise is another model");
    }

    // The same rounds as a loop: each hospital's release under these bits, their sum, the strategy's step.
    private static Digest Followed(JobPlan plan, ulong seed)
    {
        var model = ModelCatalog.Create(plan.Model);
        var strategy = AggregationStrategies.Create(plan, model);
        var global = NextGlobalModel.First(strategy, [.. new double[model.ParameterCount]]);
        var sites = Plans.Sites().Select(site => site with
        {
            Privacy = new SitePrivacy(
                SimulatedPrivacy.PolicyOf(site.Hospital, 12),
                PrivacyLedgerFile.InMemory("ward", new CompositionRule(null, 0), DateTimeOffset.UnixEpoch), null,
                new Counted(seed, site.Hospital), TimeProvider.System),
        }).ToArray();
        for (var round = 1; round <= Rounds; round++)
        {
            var code = RoundCode.Of(plan, round, sites.Length, LocalTraining.UpdateLength(plan.Training, model));
            var offer = new RoundProtocol.RoundOffered(
                new RoundId(plan.Name, round, 1), plan, PlanHash.Of(plan), global.Hash, Cohort);
            var sum = new ModularSum(plan.SecureAggregation.RingBits, code.Bytes);
            foreach (var site in sites)
            {
                var released = PrivateRound.Run(
                    site, offer, global.Parameters.AsSpan(), model, code, new TrainingScratch());
                sum.Add(((LocalTrainer.Trained)released).Update);
            }
            global = NextGlobalModel.Of(strategy, global, code.Decode(sum.Words, sites.Length)!);
        }
        return global.Hash;
    }

    /// <summary>The same bits for the same seed and hospital.</summary>
    private sealed class Counted(ulong seed, HospitalId hospital) : IRandomSource
    {
        private readonly SplitMix64 _stream = new(1000 * seed + (ulong)Cohort.IndexOf(hospital));

        public void Fill(Span<byte> bytes)
        {
            foreach (ref var one in bytes)
                one = (byte)_stream.NextUInt64();
        }
    }
}

using System.Text;
using FedActors.Core.Identity;
using FedActors.Core.SecureAggregation;
using static FedActors.Core.Protocol.SecureAggregationProtocol;

namespace FedActors.Core.Tests.SecureAggregation;

public class GoldenTranscriptTests
{
    /// <summary>
    /// GoldenTranscript.txt was printed by GoldenTranscript.py, an implementation of its own. Signatures are left out:
    /// the platform's ECDSA draws its nonces itself. A difference means that hospitals of two versions can no longer
    /// sum with one another.
    /// </summary>
    [Test]
    public void Five_hospitals_with_fixed_randomness_say_exactly_what_another_implementation_says()
    {
        using var consortium = new Consortium(5);
        using var play = new Conversation(consortium);
        play.Run((id, phase) => id == consortium.Ids[4] && phase >= AggregationPhase.Masking);

        var lines = new StringBuilder();
        Line("sid", play.Hub.Session);
        Lines<Advertise>("advertise");
        Line("U1", play.Transcript.OfType<Shares>().First().KeysHash);
        Lines<Shares>("shares");
        Line("U2", play.Transcript.OfType<Masked>().First().SharersHash);
        foreach (var masked in play.Transcript.OfType<Masked>())
            Line("masked", masked.Hospital, Convert.ToHexStringLower(play.Spools[masked.Hospital]), masked.Statement());
        Line("U3", play.Transcript.OfType<Consistency>().First().SurvivorsHash);
        Lines<Consistency>("consistency");
        Lines<UnmaskResponse>("response");
        Line("sum", Convert.ToHexStringLower(play.Hub.Sum!.Residues.Span));

        Assert.That(lines.ToString(), Is.EqualTo(File.ReadAllText(
            Path.Combine(TestContext.CurrentContext.TestDirectory, "SecureAggregation", "GoldenTranscript.txt"))));

        void Lines<TMessage>(string what) where TMessage : FromHospital
        {
            foreach (var message in play.Transcript.OfType<TMessage>())
                Line(what, message.Hospital, message.Statement());
        }

        void Line(params object[] parts) => lines.Append(string.Join(' ', parts)).Append('\n');
    }

    [Test]
    public void The_session_id_depends_on_every_field_of_the_round()
    {
        using var consortium = new Consortium(5);
        var spec = consortium.Spec();
        var other = Digest.Of("other"u8);
        RoundSpec[] specs =
        [
            spec, spec with { Training = other }, spec with { Round = 2 }, spec with { Attempt = 2 },
                spec with { Roster = other },
            spec with { Model = other }, spec with { Task = other }, spec with { PreviousSum = other },
                spec with { Cohort = consortium.Ids[..4] },
            spec with { Ring = spec.Ring with { WordBits = 64 } },
                spec with { Ring = spec.Ring with { Coordinates = 9 } },
            spec with { Ring = spec.Ring with { ConstantOne = 6 } },
                spec with { Ring = spec.Ring with { FractionBits = 9 } },
            spec with { Ring = spec.Ring with { Range = 2 } }, spec with { Ring = spec.Ring with { WeightCap = 2 } },
            spec with { Ring = spec.Ring with { NoiseTail = 2 } },
                spec with { Thresholds = spec.Thresholds with { Hospitals = 6 } },
            spec with { Thresholds = spec.Thresholds with { Corrupt = 2 } },
                spec with { Thresholds = spec.Thresholds with { Quorum = 5 } },
            spec with { Thresholds = spec.Thresholds with { MinSurvivors = 5 } },
                spec with { Graph = spec.Graph with { Degree = 2 } },
            spec with { Graph = spec.Graph with { Threshold = 5 } },
                spec with { Graph = spec.Graph with { DropoutPercent = 5 } },
            spec with { Noise = spec.Noise with { Kind = NoiseKind.Skellam } },
                spec with { Noise = spec.Noise with { Scale = 1 } },
            spec with { Noise = spec.Noise with { MinHonest = 1 } },
                spec with { Deadlines = spec.Deadlines with { Keys = TimeSpan.FromHours(1) } },
            spec with { Deadlines = spec.Deadlines with { Shares = TimeSpan.FromHours(1) } },
            spec with { Deadlines = spec.Deadlines with { Masked = TimeSpan.FromHours(1) } },
            spec with { Deadlines = spec.Deadlines with { Unmask = TimeSpan.FromHours(1) } },
        ];
        Assert.That(specs.Select(s => s.SessionId()), Is.Unique);
    }
}

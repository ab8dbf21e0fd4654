using System.Text.RegularExpressions;
using Akka.Actor;
using Akka.Event;
using FedActors.Actors.Hosting;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Tests;

/// <summary>What all actors log, at every level, while a job with noise runs.</summary>
public sealed class PrivateLogTests() : PrivateConsortiumTest("akka.loglevel = DEBUG")
{
    private HospitalSite[] _sites = Plans.Sites();

    protected override HospitalSite[] Sites => _sites;

    [SetUp]
    public void Listen() => Sys.EventStream.Subscribe(TestActor, typeof(LogEvent));

    [Test]
    public void The_logs_of_two_runs_over_other_patients_are_the_same()
    {
        Assert.That(Logged("few"), Is.EqualTo(Logged("many")).And.Not.Empty);

        // Two and forty patients instead of twelve, other values, other outcomes.
        List<string> Logged(string job)
        {
            _sites = Plans.Sites(rows: job == "few" ? 2 : 40, seed: job == "few" ? 5u : 77u);
            foreach (var hospital in Cohort)
            {
                Agents[hospital].GracefulStop(TimeSpan.FromSeconds(10)).Wait(TimeSpan.FromSeconds(10));
                StartHospital(hospital);
            }
            Start(job, rounds: 2);
            var lines = new SortedSet<string>(StringComparer.Ordinal);
            FishForMessage(
                message =>
                {
                    // Whether a hospital's last answer comes after the end is chance.
                    if (message is LogEvent log && log.LogClass.Namespace?.StartsWith("FedActors", StringComparison.Ordinal) == true
                        && !$"{log.Message}".EndsWith("this session is over", StringComparison.Ordinal))
                        lines.Add($"{log.LogLevel()} {log.LogClass.Name}: {Regex.Replace($"{log.Message}".Replace(job, "JOB"), "until .*", "")}");
                    return message is JobProtocol.JobFinished;
                },
                TimeSpan.FromSeconds(60));
            return [.. lines];
        }
    }
}

using FedActors.Actors.Configuration;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>The files of three hospitals with eight patients each, and of the hub that trains with them; and what the simulation makes of them.</summary>
public sealed class SmallFederation : IDisposable
{
    public static readonly string[] Hospitals = ["berlin", "madrid", "paris"];

    private const string Schema = """
        columns = [
          { names = [x], type = number }
          { names = [y], type = category, values = [a, b] }
        ]
        features = [
          { column = x, centre = 2, scale = 4 }
        ]
        targets { y { column = y, positive = [a], negative = [b] } }
        splits { own { sites = files, holdout = none, rest = test } }
        """;

    public Office Office { get; } = new(Hospitals);

    /// <summary>The hub's result, once there is one.</summary>
    public string ResultFile => Office.PathOf("hub", "state", "results", "small.json");

    /// <summary>Writes the hub's node file and its job.</summary>
    /// <param name="job">More keys of the job.</param>
    /// <param name="hub">More keys of the hub.</param>
    /// <param name="node">More sections of the node.</param>
    public string Hub(int rounds, string job = "", string hub = "", string node = "")
    {
        File.WriteAllText(Office.PathOf("hub", "job.conf"), $$"""
            job {
              name = small, patients = 24
              training { rounds = {{rounds}}, local-steps = 2 }
              {{job}}
              data {
                files = [ { path = p.csv, hospital = berlin } ]
                {{Schema}}
              }
            }
            """);
        return Office.NodeFile("hub", $"hub {{ job = \"job.conf\"\n{hub} }}\n{node}");
    }

    /// <summary>Writes a hospital's node file and its patients.</summary>
    /// <param name="node">More sections of the node.</param>
    public string Hospital(string name, string node = "")
    {
        File.WriteAllLines(Office.PathOf(name, "p.csv"), [.. Rows(name).Select(row => $"{row.X},{row.Y}").Prepend("x,y")]);
        return Office.NodeFile(name, $$"""
            hospital {
              rhythm = 300ms
              patients {
                files = [ { path = p.csv, hospital = {{name}} } ]
                {{Schema}}
              }
            }
            {{node}}
            """);
    }

    /// <summary>SHA-256 of the model that the same job ends with where nothing disturbs it.</summary>
    public async Task<string> SimulateAsync()
    {
        var plan = FederationJob.Read(Office.PathOf("hub", "job.conf"), [.. Hospitals.Select(name => new HospitalId(name))]);
        var patients = Hospitals.ToDictionary(name => new HospitalId(name), name => new PatientTable(
            ["x"], [.. Rows(name).Select(row => (row.X - 2.0) / 4)], [.. Rows(name).Select(row => row.Y == "a" ? 1.0 : 0.0)]));
        string? model = null;
        await using var federation = InProcessFederation.Start(plan, patients, SimulationStorage.InMemory, null);
        await federation.RunAsync(plan, PlanHash.Of(plan), [.. patients.Keys], message =>
        {
            if (message is JobProtocol.JobFinished finished)
                model = finished.Model.ToString();
        }, CancellationToken.None);
        return model!;
    }

    public void Dispose() => Office.Dispose();

    private static (int X, string Y)[] Rows(string hospital) =>
        [.. Enumerable.Range(0, 8).Select(i => ((i * 7 + hospital.Length) % 11, (i + hospital[0]) % 3 == 0 ? "a" : "b"))];
}

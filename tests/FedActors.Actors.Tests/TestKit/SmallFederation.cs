using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// A hub and three hospitals of eight patients each, as nodes with actor systems and certificates of their own, over
/// TLS on loopback; in one process only for the test's sake.
/// </summary>
public sealed class SmallFederation : IAsyncDisposable
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

    private readonly Dictionary<string, Node> _nodes = [];

    public Office Office { get; } = new(Hospitals);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values)
            await node.DisposeAsync();
        Office.Dispose();
    }

    /// <summary>A job of the federation, three rounds long.</summary>
    public string WriteJob(string name = "small", string keys = "")
    {
        var file = Office.PathOf("hub", $"{name}.conf");
        File.WriteAllText(file, $$"""
            job {
              name = {{name}}, patients = 24
              training { rounds = 3, local-steps = 2 }
              {{keys}}
              data {
                files = [ { path = p.csv, hospital = berlin } ]
                {{Schema}}
              }
            }
            """);
        return file;
    }

    /// <param name="section">What stands in the hub's section.</param>
    public Task<Node> StartHub(string section) => Start("hub", $"hub {{ {section} }}");

    public Task<Node> StartHospital(string hospital)
    {
        File.WriteAllLines(
            Office.PathOf(hospital, "p.csv"), [.. Rows(hospital).Select(row => $"{row.X},{row.Y}").Prepend("x,y")]);
        return Start(hospital, $$"""
            hospital {
              rhythm = 300ms
              patients {
                files = [ { path = p.csv, hospital = {{hospital}} } ]
                {{Schema}}
              }
            }
            """);
    }

    /// <summary>SHA-256 of the model that the hub has trained.</summary>
    public string? ResultOf(string job)
    {
        var file = Office.PathOf("hub", "state", "results", job + ".json");
        using var result = JsonDocument.Parse(File.ReadAllText(file));
        return result.RootElement.GetProperty("modelSha256").GetString();
    }

    /// <summary>SHA-256 of the model that the simulation trains with this job.</summary>
    public static async Task<string> Simulated(string job)
    {
        var plan = FederationJob.Read(job, [.. Hospitals.Select(name => new HospitalId(name))]);
        var patients = Hospitals.ToDictionary(name => new HospitalId(name), name => new Core.Data.PatientTable(
            ["x"], [.. Rows(name).Select(row => (row.X - 2.0) / 4)],
            [.. Rows(name).Select(row => row.Y == "a" ? 1.0 : 0.0)]));
        string? model = null;
        await using var federation = InProcessFederation.Start(plan, patients, SimulationStorage.InMemory, null);
        await federation.RunAsync(plan, PlanHash.Of(plan), [.. patients.Keys], message =>
        {
            if (message is JobProtocol.JobFinished finished)
                model = finished.Model.ToString();
        }, CancellationToken.None);
        return model!;
    }

    public async Task StopAsync(string site)
    {
        _nodes.Remove(site, out var node);
        await node!.DisposeAsync();
    }

    /// <summary>A port of this machine that nobody listens at.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<Node> Start(string site, string section)
    {
        var node = await Node.StartAsync(NodeFile.Read(Office.NodeFile(site, section)), TimeProvider.System);
        _nodes.Add(site, node);
        return node;
    }

    private static (int X, string Y)[] Rows(string hospital) =>
    [
        .. Enumerable.Range(0, 8).Select(i => ((i * 7 + hospital.Length) % 11, (i + hospital[0]) % 3 == 0 ? "a" : "b")),
    ];
}

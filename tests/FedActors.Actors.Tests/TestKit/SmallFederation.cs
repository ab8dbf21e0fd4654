using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Akka.Actor;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;
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

    /// <summary>Of a hospital's section: its policy and its ledger.</summary>
    public const string PrivacySection = "privacy { policy = policy.conf, ledger = ward.ledger }";

    private const string Schema = """
        columns = [
          { names = [x], type = number }
          { names = [y], type = category, values = [a, b] }
        ]
        features = [
          { column = x, centre = 2, scale = 4 }
        ]
        targets { y { column = y, positive = [a], negative = [b] } }
        splits {
          own { sites = files, holdout = none, rest = test }
          half { sites = files, holdout = evenly-spaced, train = 4, rest = external }
        }
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
                split = own
              }
            }
            """);
        return file;
    }

    /// <summary>
    /// Writes the hub's node file. It opens no port for models, unless the section says so: nobody knows whether the
    /// second one after the kit's is free.
    /// </summary>
    /// <param name="section">What stands in the hub's section.</param>
    /// <param name="node">More sections of the node.</param>
    public string WriteHub(string section, string node = "") =>
        Office.NodeFile("hub", $"hub {{ model-port = off\n{section} }}\n{node}");

    /// <summary>
    /// Writes the node files of a hub of several nodes: one site, one kit, one key, each with a folder of its own.
    /// </summary>
    /// <param name="section">What stands in every hub's section.</param>
    /// <param name="node">More sections of every node.</param>
    /// <param name="addresses">Where they meet; left out: anywhere.</param>
    /// <param name="hosts">The nodes' machines, in ascending order; left out: this one.</param>
    /// <returns>The files, and what a hospital's section says of where the hub is.</returns>
    public (string[] Files, string Hub) WriteHubNodes(
        int count, string section, string cluster, string node, string[]? addresses = null,
        string[]? hosts = null)
    {
        var (nodes, doors) = (addresses ?? Addresses(), Addresses());
        var files = new string[count];
        for (var i = 0; i < count; i++)
        {
            files[i] = Office.PathOf("hub", $"hub{i + 1}.conf");
            File.WriteAllText(files[i], $$"""
                node {
                  role = hub, data = "state{{i + 1}}"
                  identity { kit = "kit", key = "hub.key" }
                  hub {
                    model-port = off
                    {{section}}
                    door = "{{doors[i]}}"
                    cluster { nodes = [{{List(nodes)}}], self = "{{nodes[i]}}"
                      {{cluster}} }
                  }
                {{node}}
                }
                """);
        }
        return (files, $"hub = [{List(doors)}]");

        // The first of the list begins the cluster, and the lowest of those who join at once leads it: the same node.
        string[] Addresses() =>
        [
            .. Enumerable.Range(0, count).Select(_ => FreePort()).Order()
                .Select((port, node) => $"{hosts?[node] ?? "127.0.0.1"}:{port}"),
        ];

        static string List(string[] addresses) => string.Join(", ", addresses.Select(address => $"\"{address}\""));
    }

    /// <summary>Writes a hospital's node file and its patients.</summary>
    /// <param name="node">More sections of the node.</param>
    /// <param name="section">More keys of the hospital's section.</param>
    /// <param name="split">own trains on all eight patients; half keeps back the first, third, fifth, seventh.</param>
    public string WriteHospital(string hospital, string node = "", string section = "", string split = "own")
    {
        File.WriteAllLines(
            Office.PathOf(hospital, "p.csv"), [.. Rows(hospital).Select(row => $"{row.X},{row.Y}").Prepend("x,y")]);
        return Office.NodeFile(hospital, $$"""
            hospital {
              rhythm = 300ms
              {{section}}
              patients {
                files = [ { path = p.csv, hospital = {{hospital}} } ]
                {{Schema}}
                split = {{split}}
              }
            }
            {{node}}
            """);
    }

    /// <summary>
    /// Writes what a hospital's data officer decided, and makes its ledger: what its node file's section then needs is
    /// <see cref="PrivacySection"/>.
    /// </summary>
    /// <param name="rules">More keys of the policy.</param>
    public void WritePolicy(string hospital, string rules = "", bool hasLedger = true)
    {
        File.WriteAllText(
            Office.PathOf(hospital, "policy.conf"), $"policy {{ scope = ward, nominal-patients = 8\n{rules} }}");
        if (hasLedger)
            CreateLedger(hospital);
    }

    /// <summary>
    /// An empty ledger, the same bytes each time: made anew, it is the backup that was made before any job.
    /// </summary>
    public void CreateLedger(string hospital) => PrivacyLedgerFile.Create(
        LedgerFile(hospital), "ward", new CompositionRule(null, 0), true, DateTimeOffset.UnixEpoch).Dispose();

    /// <summary>Where that hospital's ledger is.</summary>
    public string LedgerFile(string hospital) => Office.PathOf(hospital, "ward.ledger");

    /// <summary>What that hospital's patients have lost so far.</summary>
    public PrivacyLedger LedgerOf(string hospital) => LedgerReading.Of(LedgerFile(hospital)).Ledger!;

    /// <inheritdoc cref="WriteHub"/>
    /// <returns>Once it leads, and its door is open.</returns>
    public async Task<Node> StartHub(string section, string node = "")
    {
        var hub = await StartAsync(WriteHub(section, node));
        await hub.Desk.Ask<HubLeader.Leading>(HubLeader.WhenLeading.Instance, TimeSpan.FromSeconds(60));
        return hub;
    }

    public Task<Node> StartHospital(string hospital, string section = "", string split = "own") =>
        StartAsync(WriteHospital(hospital, section: section, split: split));

    /// <summary>Where a job's result will lie.</summary>
    public string ResultFile(string job) => Office.PathOf("hub", "state", "results", job + ".json");

    /// <summary>SHA-256 of the model that the hub has trained.</summary>
    public string? ResultOf(string job)
    {
        using var result = JsonDocument.Parse(File.ReadAllText(ResultFile(job)));
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

    public async Task<Node> StartAsync(string file)
    {
        var node = await Node.StartAsync(NodeFile.Read(file), TimeProvider.System);
        _nodes.Add(Path.GetFileName(Path.GetDirectoryName(file))!, node);
        return node;
    }

    /// <summary>A hospital's patients, in the order of its file.</summary>
    public static (int X, string Y)[] Rows(string hospital) =>
    [
        .. Enumerable.Range(0, 8).Select(i => ((i * 7 + hospital.Length) % 11, (i + hospital[0]) % 3 == 0 ? "a" : "b")),
    ];
}

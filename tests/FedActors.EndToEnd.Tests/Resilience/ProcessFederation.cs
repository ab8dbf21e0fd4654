using System.Diagnostics;
using System.Runtime.Versioning;
using FedActors.Actors.Tests.TestKit;
using Npgsql;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// A hub of three nodes on one database and three hospitals, as processes of the test build of a node.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class ProcessFederation(Postgres server) : IAsyncDisposable
{
    private const string Database = "hub";

    // As long as a busy machine may need: a run that goes well never waits for it.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly SmallFederation _files = new();
    private readonly Dictionary<string, string> _nodes = [];
    private readonly Dictionary<string, Fedactors.RunningProcess> _running = [];
    private string _job = "";

    public static string[] Hubs { get; } = ["hub1", "hub2", "hub3"];

    /// <summary>Writes all files, and starts all nodes.</summary>
    /// <param name="job">More keys of the job.</param>
    /// <param name="cluster">More keys of the cluster.</param>
    public void Start(string job, string cluster)
    {
        server.CreateDatabase(Database);
        _job = _files.WriteJob(keys: job);
        var (files, hubs) = _files.WriteHubNodes(3, "job = small.conf, patience = 10s, management.port = off", cluster,
            server.Section(Database));
        for (var i = 0; i < files.Length; i++)
            _nodes[Hubs[i]] = files[i];
        foreach (var hospital in SmallFederation.Hospitals)
            _nodes[hospital] = _files.WriteHospital(hospital, section: hubs);
        foreach (var (node, file) in _nodes)
            _running[node] = new Fedactors.RunningProcess(
                "dotnet", [Path.Combine(AppContext.BaseDirectory, "fedactors-testnode.dll"), "--config", file],
                ("FEDACTORS_ACKNOWLEDGED", AcknowledgedFile(node)));
    }

    /// <summary>Waits until one of these nodes says this, and gives its name.</summary>
    public async Task<string> WhoSaysAsync(string text, params IEnumerable<string> nodes)
    {
        var found = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var node in nodes)
        {
            var process = _running[node];
            process.Said += line =>
            {
                if (line.Contains(text, StringComparison.Ordinal))
                    found.TrySetResult(node);
            };
            if (process.Heard.Contains(text, StringComparison.Ordinal))
                found.TrySetResult(node);
        }
        try
        {
            return await found.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            var said = string.Join('\n', nodes.Select(node => _running[node].Heard));
            Assert.Fail($"No node said '{text}'. They said:\n{said}");
            throw;
        }
    }

    /// <summary>KILL, STOP, CONT, TERM.</summary>
    public void Signal(string node, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_running[node].Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits until a node ends; null where it does not.</summary>
    public Task<int?> EndAsync(string node) => Task.Run(() => _running[node].WaitQuietly(Patience));

    /// <summary>The hash of the model that the same job ends with where nothing disturbs it.</summary>
    public Task<string> SimulateAsync() => SmallFederation.Simulated(_job);

    /// <summary>Of the hub's events that were acknowledged by a node: those that the database does not have.</summary>
    public IReadOnlyList<string> Lost()
    {
        var kept = Rows("SELECT persistence_id || ' ' || sequence_number FROM journal").ToHashSet();
        // A node that never led has written nothing.
        return [.. Hubs.Select(AcknowledgedFile).Where(File.Exists).SelectMany(File.ReadAllLines).Where(line =>
            !kept.Contains(line))];
    }

    /// <summary>How often an event stands in the hub's journal.</summary>
    public int Count(string manifest) => Rows("SELECT manifest FROM journal").Count(row => row == manifest);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _running.Values)
            process.Dispose();
        await _files.DisposeAsync();
    }

    private string AcknowledgedFile(string node) => _files.Office.PathOf($"acknowledged-{node}");

    private List<string> Rows(string sql)
    {
        using var connection = new NpgsqlConnection(server.ConnectionString(Database));
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
            rows.Add(reader.GetString(0));
        return rows;
    }
}

using System.Collections.Concurrent;
using System.Data.Common;
using System.Runtime.Versioning;
using FedActors.Actors.Tests.TestKit;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>A hub and three hospitals as processes of the test build of a node, on SQLite or on a server.</summary>
/// <param name="server">Null: SQLite.</param>
[SupportedOSPlatform("linux")]
public sealed class ProcessFederation(Postgres? server) : IAsyncDisposable
{
    private const int Killed = 128 + 9;

    // As long as a busy machine may need: a run that goes well never waits for it.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly SmallFederation _files = new();
    private readonly Dictionary<string, string> _nodes = [];
    private string _job = "";
    private readonly ConcurrentDictionary<string, Fedactors.RunningProcess> _running = new();

    /// <summary>Writes all files, and makes a database for each site.</summary>
    /// <param name="job">More keys of the job.</param>
    public void Prepare(string job)
    {
        Begin(job);
        _nodes["hub"] = _files.WriteHub("job = small.conf, patience = 10s", Storage("hub"));
        foreach (var hospital in SmallFederation.Hospitals)
            _nodes[hospital] = _files.WriteHospital(hospital, Storage(hospital));
    }

    /// <summary>The same for a hub of three nodes: hub1, hub2 and hub3.</summary>
    /// <param name="cluster">More keys of the cluster.</param>
    public void PrepareCluster(string job, string cluster)
    {
        Begin(job);
        var (files, hubs) = _files.WriteHubNodes(3, "job = small.conf, patience = 10s", cluster, Storage("hub"));
        for (var i = 0; i < files.Length; i++)
            _nodes[$"hub{i + 1}"] = files[i];
        foreach (var hospital in SmallFederation.Hospitals)
            _nodes[hospital] = _files.WriteHospital(hospital, Storage(hospital), hubs);
    }

    /// <summary>Starts all three nodes of the hub.</summary>
    public void StartHub()
    {
        foreach (var hub in Hubs)
            Start(hub);
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

    public static string[] Hubs { get; } = ["hub1", "hub2", "hub3"];

    /// <summary>STOP, CONT, TERM.</summary>
    public void Signal(string node, string signal)
    {
        using var kill = System.Diagnostics.Process.Start("kill", [$"-{signal}", $"{_running[node].Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits until a node ends by itself.</summary>
    public async Task<int?> EndAsync(string node) =>
        (await Task.Run(() => _running[node].WaitQuietly(Patience))).ExitCode;

    private void Begin(string job)
    {
        foreach (var site in (string[])[.. SmallFederation.Hospitals, "hub"])
            server?.CreateDatabase(NameOf(site));
        _job = _files.WriteJob(keys: job);
    }

    public void StartHospitals()
    {
        foreach (var hospital in SmallFederation.Hospitals)
            Start(hospital);
    }

    /// <summary>Starts a site, again where it runs already.</summary>
    public void Start(string site, string failpoint = "")
    {
        Kill(site);
        _running[site] = new Fedactors.RunningProcess(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "fedactors-testnode.dll"), "--config", _nodes[site]],
            ("FEDACTORS_FAILPOINT", failpoint), ("FEDACTORS_ACKNOWLEDGED", AcknowledgedFile(site)));
    }

    /// <summary>Starts a site that dies at this place, and waits until it has.</summary>
    public async Task DieAsync(string site, string place)
    {
        Start(site, $"{place}=kill");
        var (exitCode, error) = await Task.Run(() => _running[site].WaitQuietly(Patience));
        Assert.That(exitCode, Is.EqualTo(Killed), $"{site} did not die {place}. It said:\n{error}");
    }

    /// <summary>SIGKILL.</summary>
    public void Kill(string site)
    {
        if (_running.TryRemove(site, out var process))
            process.Dispose();
    }

    /// <summary>The hash of the model that the job ended with.</summary>
    public async Task<string> ResultAsync()
    {
        using var said = new SemaphoreSlim(0);
        var hub = _running["hub"];
        hub.Said += line =>
        {
            if (line.Contains("is done after", StringComparison.Ordinal)
                || line.Contains("cannot go on", StringComparison.Ordinal))
                said.Release();
        };
        while (!File.Exists(_files.ResultFile("small")))
            Assert.That(await said.WaitAsync(Patience), Is.True, $"The job did not end. The hub said:\n{hub.Heard}");
        return _files.ResultOf("small")!;
    }

    /// <summary>The hash of the model that the same job ends with where nothing disturbs it.</summary>
    public Task<string> SimulateAsync() => SmallFederation.Simulated(_job);

    /// <summary>Events that a journal acknowledged, and those among them that no journal has.</summary>
    public (int Acknowledged, IReadOnlyList<string> Lost) Account()
    {
        var (count, lost) = (0, new List<string>());
        foreach (var site in _nodes.Keys)
        {
            // A node that never led has written nothing.
            var file = AcknowledgedFile(site);
            var acknowledged = File.Exists(file) ? File.ReadAllLines(file) : [];
            var kept = Rows(site, "SELECT persistence_id || ' ' || sequence_number FROM journal").ToHashSet();
            count += acknowledged.Length;
            lost.AddRange(acknowledged.Where(line => !kept.Contains(line)).Select(line => $"{site}: {line}"));
        }
        return (count, lost);
    }

    /// <summary>How often each event stands in a site's journal, by its manifest.</summary>
    public Dictionary<string, int> Events(string site) =>
        Rows(site, "SELECT manifest FROM journal").GroupBy(manifest => manifest).ToDictionary(group => group.Key,
            group => group.Count());

    public async ValueTask DisposeAsync()
    {
        foreach (var site in _running.Keys.ToArray())
            Kill(site);
        SqliteConnection.ClearAllPools();
        await _files.DisposeAsync();
    }

    private string AcknowledgedFile(string node) => _files.Office.PathOf($"acknowledged-{node}");

    private string NameOf(string node) => $"{SiteOf(node)}_{_files.Office.Port}";

    private static string SiteOf(string node) => node.StartsWith("hub", StringComparison.Ordinal) ? "hub" : node;

    private string Storage(string site) => server?.Section(NameOf(site)) ?? "";

    private List<string> Rows(string site, string sql)
    {
        using DbConnection connection = server is null
            ? new SqliteConnection($"Data Source={_files.Office.PathOf(site, "state", "state.db")}")
            : new NpgsqlConnection(server.ConnectionString(NameOf(site)));
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
            rows.Add(reader.GetString(0));
        return rows;
    }
}

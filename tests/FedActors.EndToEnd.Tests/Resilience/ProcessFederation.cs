using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Privacy;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// A hub of one node or of three, and three hospitals, as processes of the test build of a node. Each site's journal is
/// in a file of its own, or in a database of its own on one server.
/// </summary>
/// <param name="server">Null: files.</param>
/// <param name="network">A machine for each of the hub's nodes; null: all on this one.</param>
[SupportedOSPlatform("linux")]
public sealed class ProcessFederation(Postgres? server = null, int hubNodes = 1, MachineNetwork? network = null)
    : IAsyncDisposable
{
    /// <summary>What a member of the hub's cluster says once it is up. One that has only joined counts for no
    /// majority.</summary>
    public const string IsUp = "ClusterSingletonManager state change [Start ->";

    /// <summary>Exit code of a process that SIGKILL ended.</summary>
    public const int Killed = 128 + 9;

    // As long as a busy machine may need: a run that goes well never waits for it.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly SmallFederation _files = new();
    private readonly Dictionary<string, string> _nodes = [];
    private readonly Dictionary<string, Fedactors.RunningProcess> _running = [];
    private string _job = "";

    public string[] Hubs { get; } = hubNodes == 1 ? ["hub"]
        : [.. Enumerable.Range(1, hubNodes).Select(number => $"hub{number}")];

    public IEnumerable<string> Nodes => _nodes.Keys;

    public static string[] Hospitals => SmallFederation.Hospitals;

    public Office Office => _files.Office;

    /// <summary>Writes all files.</summary>
    /// <param name="job">More keys of the job.</param>
    /// <param name="hub">More keys of the hub's section.</param>
    /// <param name="cluster">More keys of the cluster, where the hub has several nodes.</param>
    /// <param name="hospital">More keys of every hospital's section.</param>
    /// <param name="hasLedgers">Whether hospitals take part in jobs with noise.</param>
    public void Write(string job, string hub = "", string cluster = "", string hospital = "",
        bool hasLedgers = false)
    {
        _job = _files.WriteJob(keys: job);
        var (section, hubs) = ($"job = small.conf, {hub}", "");
        if (hubNodes == 1)
        {
            _nodes["hub"] = _files.WriteHub(section, StorageOf("hub"));
        }
        else
        {
            (var files, hubs) = _files.WriteHubNodes(hubNodes, section, cluster, StorageOf("hub"),
                hosts: network?.Hosts);
            for (var i = 0; i < files.Length; i++)
                _nodes[Hubs[i]] = files[i];
        }
        var keys = string.Join('\n', hubs, hospital, hasLedgers ? SmallFederation.PrivacySection : "");
        foreach (var site in Hospitals)
        {
            if (hasLedgers)
                _files.WritePolicy(site, "modes = [patient-local]");
            _nodes[site] = _files.WriteHospital(site, StorageOf(site), keys);
        }
    }

    /// <summary>A further job's file.</summary>
    public string WriteJob(string name) => _files.WriteJob(name);

    /// <param name="failpoints">Where it fails, as the test build reads it.</param>
    public void Start(string node, string failpoints = "")
    {
        if (_running.Remove(node, out var before))
            before.Dispose();
        string[] machine = network is not null && Hubs.Contains(node) ? network.On(Array.IndexOf(Hubs, node)) : [];
        string[] command =
        [
            .. machine, "dotnet", Path.Combine(AppContext.BaseDirectory, "fedactors-testnode.dll"), "--config",
            _nodes[node],
        ];
        _running[node] = new Fedactors.RunningProcess(command[0], command[1..],
            ("FEDACTORS_FAILPOINT", failpoints), ("FEDACTORS_ACKNOWLEDGED", AcknowledgedFile(node)));
    }

    /// <summary>
    /// All of a hub of several nodes and of the hospitals, and ends once each of the hub's is up. One hub node after
    /// another: handshakes of six processes that all compile their code at once take seconds.
    /// </summary>
    public async Task StartAllAsync(string failpointsOfTheFirst = "")
    {
        foreach (var node in Nodes)
        {
            Start(node, node == Hubs[0] ? failpointsOfTheFirst : "");
            if (Hubs.Contains(node))
                await WhoSaysAsync("Started up successfully", node);
        }
        foreach (var hub in Hubs)
            await WhoSaysAsync(IsUp, hub);
    }

    /// <summary>Waits until one of these nodes says this, or finds that it has, and gives its name.</summary>
    public Task<string> WhoSaysAsync(string text, params IEnumerable<string> nodes) => HearAsync(text, true, nodes);

    /// <summary>Waits until a node says this from now on.</summary>
    public Task SaysNextAsync(string text, string node) => HearAsync(text, false, [node]);

    /// <summary>What all nodes that were started last have said.</summary>
    public string Heard => string.Join('\n', _running.Select(pair => $"== {pair.Key}\n{pair.Value.Heard}"));

    /// <summary>What a node has said since it was started last.</summary>
    public string HeardOf(string node) => _running[node].Heard;

    /// <summary>KILL, STOP, CONT, TERM.</summary>
    public void Signal(string node, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_running[node].Id}"]);
        kill.WaitForExit();
    }

    /// <summary>A signal after a while; at once where it is not positive.</summary>
    public Task SignalAsync(string node, string signal, TimeSpan after) => ShellAsync(
        $"sleep {Math.Max(0, after.TotalSeconds).ToString(CultureInfo.InvariantCulture)}; kill -{signal} $0", node);

    /// <summary>Waits until a node has stopped (SIGSTOP).</summary>
    public Task IsStoppedAsync(string node) =>
        ShellAsync("until grep -q '^State:.T' /proc/$0/status; do sleep 0.02; done", node);

    /// <summary>Waits until a node has stopped, and lets it go on.</summary>
    public async Task ContinueAsync(string node)
    {
        await IsStoppedAsync(node);
        Signal(node, "CONT");
    }

    /// <summary>Waits until a node ends, and gives its exit code.</summary>
    public async Task<int> EndAsync(string node)
    {
        var code = await Task.Run(() => _running[node].WaitQuietly(Patience));
        Assert.That(code, Is.Not.Null, $"{node} did not end. All said:\n{Heard}");
        return code!.Value;
    }

    /// <summary>A signal, and the end it leads to.</summary>
    public Task<int> EndAsync(string node, string signal)
    {
        Signal(node, signal);
        return EndAsync(node);
    }

    /// <summary>SHA-256 of the model that the same job ends with where nothing disturbs it.</summary>
    public Task<string> SimulateAsync() => SmallFederation.Simulated(_job);

    /// <summary>SHA-256 of the model in the result file of a hub of one node.</summary>
    public string? ResultOf(string job) => _files.ResultOf(job);

    public PrivacyLedger LedgerOf(string hospital) => _files.LedgerOf(hospital);

    /// <summary>Events that a node was told are durable: how many, and those that no journal holds.</summary>
    public (int Acknowledged, IReadOnlyList<string> Lost) Account()
    {
        var (acknowledged, lost) = (0, new List<string>());
        foreach (var site in Hospitals.Prepend("hub"))
        {
            var kept = Rows(site).Select(row => row.Event).ToHashSet();
            // A node that never led has written nothing.
            var lines = (site == "hub" ? Hubs : [site]).Select(AcknowledgedFile).Where(File.Exists)
                .SelectMany(File.ReadAllLines).ToList();
            acknowledged += lines.Count;
            lost.AddRange(lines.Where(line => !kept.Contains(line)));
        }
        return (acknowledged, lost);
    }

    /// <summary>How often an event stands in a site's journal.</summary>
    public int Count(string manifest, string site = "hub") => Rows(site).Count(row => row.Manifest == manifest);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _running.Values)
            process.Dispose();
        await _files.DisposeAsync();
    }

    private async Task<string> HearAsync(string text, bool isPastHeard, IEnumerable<string> nodes)
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
            if (isPastHeard && process.Heard.Contains(text, StringComparison.Ordinal))
                found.TrySetResult(node);
        }
        try
        {
            return await found.Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"No node said '{text}'. They said:\n{Heard}");
            throw;
        }
    }

    private async Task ShellAsync(string command, string node)
    {
        using var shell = Process.Start("bash", ["-c", command, $"{_running[node].Id}"]);
        try
        {
            await shell.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            shell.Kill();
            Assert.Fail($"{node}: '{command}' did not end. All said:\n{Heard}");
        }
    }

    private string StorageOf(string site)
    {
        server?.CreateDatabase(site);
        // A machine of the test reaches a server here over the file system, whatever befalls its network.
        return server?.Section(site, network is null ? "127.0.0.1" : server.SocketFolder) ?? "";
    }

    private string AcknowledgedFile(string node) => Office.PathOf($"acknowledged-{node}");

    // Persistence id and number of each event, as the test build writes them down, and its manifest.
    private List<(string Event, string Manifest)> Rows(string site)
    {
        using DbConnection connection = server is null
            ? new SqliteConnection(
                $"Data Source={Office.PathOf(site, "state", "state.db")};Mode=ReadOnly;Pooling=False")
            : new NpgsqlConnection(server.ConnectionString(site));
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT persistence_id || ' ' || sequence_number, manifest FROM journal";
        using var reader = command.ExecuteReader();
        var rows = new List<(string, string)>();
        while (reader.Read())
            rows.Add((reader.GetString(0), reader.GetString(1)));
        return rows;
    }
}

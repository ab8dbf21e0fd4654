using System.Globalization;
using System.Net;
using System.Net.Sockets;
using FedActors.Actors.Configuration;
using FedActors.Actors.Data;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Wire;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Identity;
using FedActors.Core.Participation;
using Microsoft.Data.Sqlite;

namespace FedActors.Actors.Operations;

/// <summary>What the doctor found at one place.</summary>
/// <param name="Check">What was looked at.</param>
/// <param name="Code">The fault's number; empty where all is well.</param>
/// <param name="Fix">What to do; empty where nothing is.</param>
public sealed record Finding(string Check, Health Health, string What, string Code, string Fix);

public enum Health
{
    Ok = 1,
    Warn = 2,
    Fail = 3,
}

/// <summary>
/// Looks at a node before it is started, and beside it while it runs: its file, kit, key, clock, folder, disk, journal
/// or database server, ports, patients, rules and ledger. It changes nothing but that it writes and removes one file in
/// the node's folder.
/// </summary>
public sealed class Doctor(TimeProvider clock)
{
    private const long LeastFreeBytes = 200L << 20;
    private const long FewFreeBytes = 2L << 30;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly List<Finding> _findings = [];

    /// <summary>Where systemd says that the clock is kept in step with others.</summary>
    public string ClockMark { get; init; } = "/run/systemd/timesync/synchronized";

    public async Task<IReadOnlyList<Finding>> ExamineAsync(string file)
    {
        NodePlan? plan = null;
        Look("node file", () =>
        {
            plan = NodeFile.Read(file);
            return $"a {Names.Of(plan.Role)}'s, whole";
        });
        if (plan is null)
            return _findings;
        Kit? kit = null;
        Look("kit", () =>
        {
            kit = Kit.Open(plan.Kit);
            return $"'{kit.Manifest.Site}' in '{kit.Manifest.Federation}', version {kit.Manifest.Version}, "
                + $"{kit.Manifest.Hospitals.Length} hospitals";
        });
        LookAtKey(plan, kit);
        LookAtClock(kit);
        var isRunning = LookAtFolder(plan);
        if (plan.Storage.Postgresql is { } server)
            LookAtServer(server);
        else if (plan.Hub?.Cluster is not { } cluster || cluster.Roles.Contains(Edge.Coordinating))
            LookAtJournal(plan, isRunning);
        if (plan.Hub is { } hub)
            LookAtHub(hub, kit, isRunning);
        if (plan.Hospital is { } hospital)
            await LookAtHospitalAsync(plan, hospital, kit, isRunning);
        return _findings;
    }

    private void LookAtKey(NodePlan plan, Kit? kit)
    {
        Look("key and certificate", () =>
        {
            using var key = PrivateFile.Read(plan.Key);
            if (kit is null)
                return "the key is readable for its owner only";
            var faults = kit.Faults(key, clock.GetUtcNow()).ToList();
            if (kit.IsHub != (plan.Role == NodeRole.Hub))
                faults.Add(new Fault(FaultNumber.KitOfAnotherSite,
                    $"The kit is that of a {(kit.IsHub ? "hub" : "hospital")}.",
                    $"{plan.File}: node.role", "Set the role that the kit was made for, or name the right kit."));
            if (faults.Count > 0)
                throw new FaultException(faults);
            return "they belong together and come from the federation's root";
        });
        if (kit is null)
            return;
        var (until, now) = (new DateTimeOffset(kit.Certificate.NotAfter).ToUniversalTime(), clock.GetUtcNow());
        var left = string.Create(CultureInfo.InvariantCulture,
            $"until {until:u}, {Math.Floor((until - now).TotalDays)} days");
        if (until > now && until - now < Certificates.Notice)
            Add("certificate's end", Health.Warn, left, FaultNumber.CertificateExpiresSoon,
                "Send the office a new request now: 'fedactors provision csr' makes it.");
        else if (until > now)
            Add("certificate's end", left);
    }

    // Nothing here decides by a peer's clock: what can be told alone is that this one is behind the office's, and who
    // keeps it.
    private void LookAtClock(Kit? kit)
    {
        var now = clock.GetUtcNow();
        if (kit is not null && now < kit.Manifest.Issued - TimeSpan.FromMinutes(5))
            Add("clock", Health.Fail,
                string.Create(CultureInfo.InvariantCulture,
                $"it says {now:u}, and the kit was made at {kit.Manifest.Issued.ToUniversalTime():u}"),
                FaultNumber.ClockOff, "Set this machine's clock: certificates count by it.");
        else if (File.Exists(ClockMark))
            Add("clock", "kept in step by systemd-timesyncd");
        else
            Add("clock", Health.Warn, "nothing says that it is kept in step with others", FaultNumber.ClockOff,
                "Run chrony or systemd-timesyncd; where one runs already, nothing is to be done.");
    }

    private bool LookAtFolder(NodePlan plan)
    {
        var isRunning = false;
        Look("data folder", () =>
        {
            try
            {
                Directory.CreateDirectory(plan.Data);
                using var held = FolderLock.Hold(plan.Data);
                isRunning = held is null;
                return isRunning ? $"{plan.Data}: a node runs on it"
                    : $"{plan.Data}: can be written, and no node runs on it";
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new FaultException(new Fault(FaultNumber.OutputUnwritable,
                    $"It cannot be written: {e.Message.TrimEnd('.')}.", plan.Data,
                    "Give node.data a folder that this user may write."));
            }
        });
        if (!Directory.Exists(plan.Data))
            return isRunning;
        var free = new DriveInfo(Path.GetFullPath(plan.Data)).AvailableFreeSpace;
        var what = string.Create(CultureInfo.InvariantCulture,
            $"{free / (double)(1 << 30):F1} GiB free for the data folder");
        const string fix = "Make room: a journal that cannot be written stops the node's work, though nothing is lost.";
        if (free < FewFreeBytes)
            Add("disk", free < LeastFreeBytes ? Health.Fail : Health.Warn, what, FaultNumber.DiskLow, fix);
        else
            Add("disk", what);
        return isRunning;
    }

    private void LookAtJournal(NodePlan plan, bool isRunning)
    {
        var file = Path.Combine(plan.Data, "state.db");
        if (!File.Exists(file))
        {
            Add("journal", "none yet: the node makes it at its first start");
            return;
        }
        Look("journal", () =>
        {
            try
            {
                using var connection = new SqliteConnection(
                    new SqliteConnectionStringBuilder
                    {
                        DataSource = file,
                        Mode = SqliteOpenMode.ReadWrite,
                        Pooling = false
                    }.ToString());
                connection.Open();
                var (mode, synchronous) = (Ask(connection, "PRAGMA journal_mode"),
                    Ask(connection, "PRAGMA synchronous"));
                if (mode != "wal" || synchronous != "2")
                    throw new FaultException(new Fault(FaultNumber.JournalFailed,
                        $"Its mode is {mode}, synchronous {synchronous}: a write that is acknowledged could be lost.",
                            file,
                        "Start the node: it sets the mode. If this stays, another program has changed the file."));
                var check = isRunning ? "ok" : Ask(connection, "PRAGMA quick_check(1)");
                return check == "ok"
                    ? "SQLite in WAL mode, every commit flushed"
                        + (isRunning ? "; not read through while the node runs" : ", read through")
                    : throw new FaultException(new Fault(FaultNumber.JournalFailed, $"It is damaged: {check}", file,
                        "Restore the folder from a backup, all of it."));
            }
            catch (SqliteException e)
            {
                throw new FaultException(new Fault(FaultNumber.JournalFailed,
                    $"It cannot be read: {e.Message.TrimEnd('.')}.", file,
                    "See who else has the file, and whether this user may write it."));
            }
        });
    }

    // As a start would: it connects, and refuses a server that does not wait for its disk.
    private void LookAtServer(PostgresPlan server) => Look("journal", () =>
    {
        var database = PostgresDatabase.Open(server);
        using var connection = database.Connect();
        string Ask(string setting)
        {
            using var command = connection.CreateCommand();
            command.CommandText = $"SHOW {setting}";
            return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture) ?? "";
        }
        return Ask("synchronous_commit") == "on"
            ? $"PostgreSQL {Ask("server_version")} at {server.Host}:{server.Port}, database '{server.Database}', "
                + "every commit flushed"
            : throw new FaultException(new Fault(FaultNumber.DatabaseNotDurable,
                "The server does not let this user set synchronous_commit: writes could be lost.", server.Place,
                "Connect the node to the server itself, not through a pooler that drops start-up options."));
    });

    private void LookAtHub(HubPlan hub, Kit? kit, bool isRunning)
    {
        if (hub.Cluster is { } cluster)
        {
            LookAtCluster(cluster, isRunning);
            if (!cluster.Roles.Contains(Edge.Coordinating))
                return;
        }
        if (kit is not null)
        {
            var door = hub.Door ?? new HostPort(kit.Manifest.Hub.Host, kit.Manifest.Hub.Port);
            LookAtPort("hospitals' port", hub.ListenBeside(door), door.Port, isRunning);
            if (hub.ModelPortBeside(door) is > 0 and var models)
                LookAtPort("port for models", hub.ListenBeside(door), models, isRunning);
            if (hub.Management is { } management)
                LookAtPort("management port", management.Listen.ToString(), management.Port ?? door.Port + 1,
                    isRunning);
        }
        if (hub.Job is { } job)
            Look("job", () => kit is null
                ? throw new FaultException(new Fault(FaultNumber.KitUnreadable, "It is not checked without a kit.",
                    job, "Mend the kit first."))
                : $"'{FederationJob.Read(job, kit.Roster.Hospitals).Name}' goes with this federation");
    }

    private void LookAtCluster(ClusterPlan cluster, bool isRunning) => LookAtPort("cluster port",
        cluster.Listen.Length > 0 ? cluster.Listen : cluster.Self.Host, cluster.Self.Port, isRunning);

    private void LookAtPort(string check, string host, int port, bool isRunning)
    {
        if (isRunning)
        {
            Add(check, $"{port}: not tried while the node runs");
            return;
        }
        Look(check, () =>
        {
            try
            {
                var address = IPAddress.TryParse(host, out var known) ? known : Dns.GetHostAddresses(host).First();
                using var listener = new TcpListener(address, port);
                listener.Start();
                return $"{host}:{port} is free";
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException)
            {
                throw new FaultException(new Fault(FaultNumber.PortInUse,
                    $"{host}:{port} cannot be listened at: {e.Message.TrimEnd('.')}.", $"port {port}",
                    "Stop what holds the port, or give node.hub.listen an address of this machine."));
            }
        });
    }

    private async Task LookAtHospitalAsync(NodePlan plan, HospitalPlan hospital, Kit? kit, bool isRunning)
    {
        HospitalData? patients = null;
        Look("patients", () =>
        {
            var data = DataLoader.Load(hospital.Patients, Path.GetDirectoryName(Path.GetFullPath(plan.File))!, null,
                isTested: false);
            var me = kit is null ? data.Hospitals.FirstOrDefault()
                : data.Hospitals.FirstOrDefault(one => one.Hospital == new HospitalId(kit.Manifest.Site));
            patients = me;
            return me is not null
                ? $"{me.Train.Units} to train on"
                : throw new FaultException(new Fault(FaultNumber.EmptyHospital, "The patients are another hospital's.",
                    $"{plan.File}: node.hospital.patients",
                        $"They belong to: {string.Join(", ", data.Hospitals.Select(one => one.Hospital))}."));
        });
        if (hospital.SecureSumsOnly)
            Add("policy", "no update leaves but in secure sums");
        else
            Add("policy", Health.Warn, "plain updates may leave, which the hub can read",
                FaultNumber.SecureSumsRequired,
                "Set node.hospital.secure-sums-only = on, unless all hospitals agreed to this.");
        if (hospital.Privacy is { } privacy)
            LookAtPrivacy(privacy, patients, isRunning);
        else
            Add("privacy", "no policy and no ledger: every job with noise is declined");
        if (hospital.Cluster is { } cluster)
            LookAtCluster(cluster, isRunning);
        foreach (var hub in hospital.Cluster is { } joined ? joined.Nodes
            : !hospital.Hubs.IsEmpty ? hospital.Hubs
            : kit is null ? [] : [new HostPort(kit.Manifest.Hub.Host, kit.Manifest.Hub.Port)])
            await LookAtHubFromHereAsync(hub);
    }

    private void LookAtPrivacy(PrivacyFiles files, HospitalData? patients, bool isRunning)
    {
        HospitalPolicy? policy = null;
        Look("policy file", () =>
        {
            policy = PolicyFile.Read(files.Policy);
            return patients is not null && policy.Misjudges(patients.Train.Units) is { } fault
                ? throw new FaultException(fault with { Where = $"{files.Policy}: policy.{fault.Where}" })
                : $"for the patients of '{policy.Scope}'";
        });
        if (policy is null)
            return;
        // Beside a node that runs, which holds it, the ledger is only read.
        Look("privacy ledger", () =>
        {
            var refusal = LedgerReading.Of(files.Ledger).Damage;
            if (!isRunning && refusal is null)
                PrivacyLedgerFile.Open(files.Ledger, policy.Scope, isFlushed: true, out refusal)?.Dispose();
            return refusal is null
                ? isRunning ? "whole, and held by the node that runs" : "whole, and nobody else holds it"
                : throw new FaultException(refusal.ToFault(files.Ledger));
        });
    }

    private async Task LookAtHubFromHereAsync(HostPort hub)
    {
        try
        {
            using var socket = new TcpClient();
            using var patience = new CancellationTokenSource(Patience, clock);
            await socket.ConnectAsync(hub.Host, hub.Port, patience.Token);
            Add("way to the hub", $"{hub.Host}:{hub.Port} takes connections");
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            Add("way to the hub", Health.Warn,
                $"{hub.Host}:{hub.Port} does not answer: {(e is SocketException ? e.Message : "no answer in time")}",
                FaultNumber.HubUnreachable,
                    "See that the hub runs, and that the firewall lets this machine call it. The hospital "
                        + "keeps calling.");
        }
    }

    // What throws a fault fails, and the first fault says why.
    private void Look(string check, Func<string> look)
    {
        try
        {
            Add(check, look());
        }
        catch (FaultException refused)
        {
            foreach (var fault in refused.Faults)
                Add(check, Health.Fail, fault.Where.Length == 0 ? fault.What : $"{fault.What} ({fault.Where})",
                    fault.Number, fault.Fix);
        }
    }

    private void Add(string check, string what) => _findings.Add(new Finding(check, Health.Ok, what, "", ""));

    private void Add(string check, Health health, string what, FaultNumber number, string fix) =>
        _findings.Add(new Finding(check, health, what, number.Code(), fix));

    private static string Ask(SqliteConnection connection, string pragma)
    {
        using var command = connection.CreateCommand();
        command.CommandText = pragma;
        return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture) ?? "";
    }
}

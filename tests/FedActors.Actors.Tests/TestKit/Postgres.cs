using System.Diagnostics;
using System.Runtime.Versioning;
using FedActors.Actors.Configuration;
using Npgsql;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// A PostgreSQL server of the tests' own, from Debian's packages, on a free port, with passwords on. It goes with the
/// test, and with the process. PostgreSQL does not run as root: there it runs as the user that its package made.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class Postgres : IDisposable
{
    public const string User = "fedactors";
    public const string Password = "only for tests";

    private static readonly string? Binaries = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(folder =>
            Path.Combine(folder, "bin")).Order(StringComparer.Ordinal)
            .LastOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")))
        : null;

    private readonly string _folder = Directory.CreateTempSubdirectory("fedactors-pg-").FullName;
    private Process _server;

    private Postgres()
    {
        File.WriteAllText(PasswordFile, Password);
        File.SetUnixFileMode(PasswordFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        if (Environment.IsPrivilegedProcess)
            Run("chown", "-R", "postgres", _folder);
        AsServer("initdb", "--no-sync", "-A", "scram-sha-256", "-U", User, $"--pwfile={PasswordFile}", "-D",
            Data).WaitForExit();
        Port = SmallFederation.FreePort();
        _server = Launch();
    }

    public int Port { get; }

    /// <summary>Readable for its owner only.</summary>
    public string PasswordFile => Path.Combine(_folder, "password");

    /// <summary>Where the server's socket is, to which no network leads.</summary>
    public string SocketFolder => _folder;

    /// <summary>The server's process.</summary>
    public int ProcessId => _server.Id;

    private string Data => Path.Combine(_folder, "data");

    /// <summary>A server that answers; the test is skipped where the machine has none.</summary>
    public static Postgres Start()
    {
        if (Binaries is null)
            Assert.Ignore("There is no PostgreSQL server in /usr/lib/postgresql: install the package 'postgresql'.");
        return new Postgres();
    }

    /// <summary>What a node file says of a database here.</summary>
    public PostgresPlan Plan(string database) =>
        new("node.conf: node.storage.postgresql", "127.0.0.1", Port, database, User, PasswordFile, false, "");

    /// <summary>The section <c>storage</c> of a node file.</summary>
    public string Section(string database, string host = "127.0.0.1") => $$"""
        storage { provider = postgresql, postgresql {
          host = "{{host}}", port = {{Port}}, database = "{{database}}", user = "{{User}}", password-file = "{{PasswordFile}}",
              tls = off } }
        """;

    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = Port,
        Database = database,
        Username = User,
        Password = Password,
        Pooling = false,
    }.ToString();

    public void CreateDatabase(string name) => Execute("postgres", $"CREATE DATABASE \"{name}\"");

    public void Execute(string database, string sql) => Scalar(database, sql);

    /// <summary>The first column of the first row.</summary>
    public object? Scalar(string database, string sql)
    {
        using var connection = new NpgsqlConnection(ConnectionString(database));
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar();
    }

    /// <summary>Ends the server at once, as a machine does that loses its power but keeps its disk.</summary>
    public void Kill()
    {
        AsServer("pg_ctl", "stop", "-m", "immediate", "-D", Data).WaitForExit();
        _server.WaitForExit();
    }

    public void Restart() => _server = Launch();

    public void Dispose()
    {
        if (!_server.HasExited)
            Kill();
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Process Launch()
    {
        var server = AsServer("postgres", "-D", Data, "-p", $"{Port}", "-c", "listen_addresses=127.0.0.1", "-c",
            $"unix_socket_directories={_folder}");
        var begin = Stopwatch.StartNew();
        while (!Answers())
        {
            if (server.HasExited || begin.Elapsed > TimeSpan.FromSeconds(60))
                throw new InvalidOperationException("The PostgreSQL server of the tests does not answer.");
        }
        return server;
    }

    private bool Answers()
    {
        using var probe = AsServer("pg_isready", "-q", "-t", "5", "-h", "127.0.0.1", "-p", $"{Port}");
        probe.WaitForExit();
        return probe.ExitCode == 0;
    }

    private static Process AsServer(string program, params string[] arguments)
    {
        var command = Path.Combine(Binaries!, program);
        string[] user = Environment.IsPrivilegedProcess ? ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
            : [];
        return Spawn("setpriv", [.. user, "--pdeathsig", "KILL", command, .. arguments]);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Spawn(program, arguments);
        process.WaitForExit();
    }

    private static Process Spawn(string program, string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}

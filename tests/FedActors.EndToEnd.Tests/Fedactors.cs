using System.Diagnostics;
using System.Text;

namespace FedActors.EndToEnd.Tests;

/// <summary>The command line as a person runs it: a process of its own.</summary>
public static class Fedactors
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>The folder that holds <c>FedActors.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Runs to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using var run = Start(arguments);
        return run.Wait();
    }

    public static RunningProcess Start(params string[] arguments) => Start([], arguments);

    public static RunningProcess Start((string Name, string Value)[] environment, params string[] arguments) =>
        new("dotnet", [Path.Combine(AppContext.BaseDirectory, "fedactors.dll"), .. arguments], environment);

    public sealed class RunningProcess : IDisposable
    {
        private readonly Process _process;
        private readonly StringBuilder _output = new();
        private readonly StringBuilder _error = new();

        public RunningProcess(
            string file, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
        {
            var start = new ProcessStartInfo(file, arguments)
            {
                WorkingDirectory = Root,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            foreach (var (name, value) in environment)
                start.Environment[name] = value;
            _process = new Process { StartInfo = start };
            _process.OutputDataReceived += (_, line) =>
            {
                if (line.Data is not null)
                    _output.AppendLine(line.Data);
            };
            _process.ErrorDataReceived += (_, line) =>
            {
                if (line.Data is null)
                    return;
                lock (_error)
                    _error.AppendLine(line.Data);
                Said?.Invoke(line.Data);
            };
            _process.Start();
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }

        /// <summary>Every line of standard error as it comes.</summary>
        public event Action<string>? Said;

        /// <summary>SIGKILL: no handler, no flush, no goodbye.</summary>
        public void Kill() => _process.Kill();

        public (int ExitCode, string Output, string Error) Wait()
        {
            if (!_process.WaitForExit(Patience))
            {
                _process.Kill();
                Assert.Fail($"The process did not end within {Patience}. It said:\n{_error}");
            }
            _process.WaitForExit();
            return (_process.ExitCode, _output.ToString(), _error.ToString());
        }

        public int Id => _process.Id;

        /// <summary>Standard error until now.</summary>
        public string Heard
        {
            get
            {
                lock (_error)
                    return _error.ToString();
            }
        }

        /// <summary>The exit code; null where it did not end in time.</summary>
        public int? WaitQuietly(TimeSpan patience) => _process.WaitForExit(patience) ? _process.ExitCode : null;

        public void Dispose()
        {
            if (!_process.HasExited)
                _process.Kill();
            _process.Dispose();
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FedActors.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("FedActors.sln is not above the tests.");
    }
}

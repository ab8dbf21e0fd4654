using System.Diagnostics;
using Win32Exception = System.ComponentModel.Win32Exception;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>Breaks the code on purpose, as SeededFaults.md says, and wants a red test for each break.</summary>
[Category("Slow")]
public class SeededFaultsTests
{
    private string _work = "", _tests = "", _core = "";

    private static string Page => Path.Combine(
        TestContext.CurrentContext.TestDirectory, "SecureAggregation", "SeededFaults.md");

    [OneTimeSetUp]
    public void CopySourceAndTests()
    {
        var root = TestContext.CurrentContext.TestDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "FedActors.sln")))
            root = Path.GetDirectoryName(root);
        if (root is null)
            Assert.Ignore("The source is not beside the tests: faults are seeded in a copy of it.");
        _work = Directory.CreateTempSubdirectory("seeded-faults").FullName;
        foreach (var file in Directory.GetFiles(root!)
            .Where(file => Path.GetExtension(file) is ".props" or ".json" or ".editorconfig"))
            File.Copy(file, Path.Combine(_work, Path.GetFileName(file)));
        _core = Path.Combine(_work, "src", "FedActors.Core");
        Copy(Path.Combine(root!, "src", "FedActors.Core"), _core, skip: ["bin", "obj"]);
        _tests = Path.Combine(_work, "tests");
        Copy(TestContext.CurrentContext.TestDirectory, _tests, skip: []);
    }

    [OneTimeTearDown]
    public void RemoveCopy()
    {
        if (_work.Length > 0)
            Directory.Delete(_work, recursive: true);
    }

    [Test]
    public void Every_broken_rule_turns_its_test_red()
    {
        var faults = Read();
        Assert.That(faults, Has.Count.GreaterThanOrEqualTo(10));
        Build();
        var (green, output) = Run("test", Path.Combine(_tests, "FedActors.Core.Tests.dll"),
            "--filter", string.Join('|', faults.Select(fault => $"FullyQualifiedName~{fault.Red}").Distinct()));
        Assert.That(green, Is.Zero, $"the unbroken copy must be green:\n{output}");

        var survived = new List<string>();
        foreach (var fault in faults)
        {
            var originals = new Dictionary<string, string>();
            foreach (var (file, old, changed) in fault.Edits)
            {
                var path = Path.Combine(_core, file);
                var text = File.ReadAllText(path);
                originals.TryAdd(path, text);
                Assert.That(text.Split(old), Has.Length.EqualTo(2),
                    $"{fault.Name}: its lines occur exactly once in {file}");
                File.WriteAllText(path, text.Replace(old, changed));
            }
            Build();
            var (exit, said) = Run("test", Path.Combine(_tests, "FedActors.Core.Tests.dll"), "--filter",
                $"FullyQualifiedName~{fault.Red}");
            var red = exit != 0 && said.Contains($"Failed {fault.Red}", StringComparison.Ordinal);
            TestContext.Progress.WriteLine($"{(red ? "red  " : "GREEN")} {fault.Name}");
            if (!red)
                survived.Add($"{fault.Name}: {fault.Red} stays green\n{said}");
            foreach (var (path, text) in originals)
                File.WriteAllText(path, text);
        }
        Assert.That(survived, Is.Empty);
    }

    private void Build()
    {
        var (exit, output) = Run("build", Path.Combine(_core, "FedActors.Core.csproj"), "-v:q",
            "-p:TreatWarningsAsErrors=false",
            "-p:EnforceCodeStyleInBuild=false", "-p:RunAnalyzers=false", "-p:GenerateDocumentationFile=false", "-o",
                Path.Combine(_work, "out"));
        Assert.That(exit, Is.Zero, output);
        File.Copy(Path.Combine(_work, "out", "FedActors.Core.dll"), Path.Combine(_tests, "FedActors.Core.dll"),
            overwrite: true);
    }

    private (int Exit, string Output) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "dotnet", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _work
        };
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + error.GetAwaiter().GetResult());
        }
        catch (Win32Exception e)
        {
            Assert.Ignore($"dotnet is not on the path: {e.Message}");
            throw;
        }
    }

    private static List<Fault> Read()
    {
        var faults = new List<Fault>();
        var (file, old, changed) = ("", new List<string>(), new List<string>());
        var edits = new List<(string, string, string)>();
        var name = "";
        foreach (var line in File.ReadLines(Page))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
                name = line[3..];
            else if (name.Length == 0)
                continue;
            else if (line.StartsWith("file: ", StringComparison.Ordinal))
            {
                Flush();
                file = line[6..];
            }
            else if (line.StartsWith("- ", StringComparison.Ordinal))
                old.Add(line[2..]);
            else if (line.StartsWith("+ ", StringComparison.Ordinal))
                changed.Add(line[2..]);
            else if (line.StartsWith("red: ", StringComparison.Ordinal))
            {
                Flush();
                faults.Add(new Fault(name, [.. edits], line[5..]));
                edits.Clear();
            }
        }
        return faults;

        void Flush()
        {
            if (old.Count > 0)
                edits.Add((file, string.Join('\n', old) + "\n", string.Join('\n', changed) + "\n"));
            old.Clear();
            changed.Clear();
        }
    }

    private static void Copy(string from, string to, string[] skip)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var directory in Directory.GetDirectories(from)
            .Where(directory => !skip.Contains(Path.GetFileName(directory))))
            Copy(directory, Path.Combine(to, Path.GetFileName(directory)), skip);
    }

    private sealed record Fault(string Name, (string File, string Old, string New)[] Edits, string Red);
}

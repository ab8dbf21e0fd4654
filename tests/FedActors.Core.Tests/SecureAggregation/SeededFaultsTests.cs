using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Loader;
using FedActors.Core.SecureAggregation;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace FedActors.Core.Tests.SecureAggregation;

/// <summary>
/// Breaks the code on purpose, as SeededFaults.md says, and wants a red test for each break. The broken Core is
/// compiled in this process, and the named test of this very assembly runs against it in a load context of its own.
/// </summary>
[Category("Slow")]
public class SeededFaultsTests
{
    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest);

    private string _core = "";
    private Dictionary<string, SyntaxTree> _sources = [];
    private CSharpCompilation _whole = null!;

    private static string Page => Path.Combine(
        TestContext.CurrentContext.TestDirectory, "SecureAggregation", "SeededFaults.md");

    [OneTimeSetUp]
    public void ReadSource()
    {
        var root = TestContext.CurrentContext.TestDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "FedActors.sln")))
            root = Path.GetDirectoryName(root);
        if (root is null)
            Assert.Ignore("The source is not beside the tests: faults are seeded in it.");
        _core = Path.Combine(root!, "src", "FedActors.Core");
        string[] generated = [Path.Combine(_core, "bin"), Path.Combine(_core, "obj")];
        _sources = Directory.GetFiles(_core, "*.cs", SearchOption.AllDirectories)
            .Where(file => !generated.Any(folder => file.StartsWith(folder, StringComparison.Ordinal)))
            .ToDictionary(file => file, file => Parse(File.ReadAllText(file), file));
        // what ImplicitUsings stands for
        var usings = Parse(string.Concat(
            new[] { "", ".Collections.Generic", ".IO", ".Linq", ".Net.Http", ".Threading", ".Threading.Tasks" }
                .Select(space => $"global using System{space};\n")), "usings.cs");
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => !Path.GetFileName(file).StartsWith("FedActors", StringComparison.Ordinal))
            .Select(file => MetadataReference.CreateFromFile(file));
        _whole =
            CSharpCompilation.Create("FedActors.Core", [.. _sources.Values, usings], references,
                new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true,
            nullableContextOptions: NullableContextOptions.Enable));
    }

    [Test, Order(1)]
    public void The_unbroken_code_is_green()
    {
        var red = Faults.Select(fault => fault.Red).Distinct().ToArray();
        Assert.That(red, Has.Length.GreaterThanOrEqualTo(10));
        var result = RunAgainst(_whole, red);
        Assert.That(result.PassCount, Is.GreaterThanOrEqualTo(red.Length));
        Assert.That(result.FailCount, Is.Zero, Messages(result));
    }

    [TestCaseSource(nameof(Faults))]
    public void A_broken_rule_turns_its_test_red(Fault fault)
    {
        var broken = _whole;
        foreach (var group in fault.Edits.GroupBy(edit => edit.File))
        {
            var path = Path.Combine(_core, group.Key);
            var text = _sources[path].ToString();
            foreach (var (_, old, changed) in group)
            {
                Assert.That(text.Split(old), Has.Length.EqualTo(2),
                    $"these lines occur exactly once in {group.Key}:\n{old}");
                text = text.Replace(old, changed);
            }
            broken = broken.ReplaceSyntaxTree(_sources[path], Parse(text, path));
        }

        var result = RunAgainst(broken, [fault.Red]);

        Assert.That(result.FailCount, Is.GreaterThanOrEqualTo(1),
            $"{fault.Red} stays green: {result.PassCount} passed, {result.SkipCount} skipped");
    }

    private static SyntaxTree Parse(string text, string path) => CSharpSyntaxTree.ParseText(text, Language, path);

    private static ITestResult RunAgainst(CSharpCompilation core, string[] tests)
    {
        using var image = new MemoryStream();
        var emitted = core.Emit(image);
        Assert.That(emitted.Success,
            string.Join('\n', emitted.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)));
        image.Position = 0;
        var context = new BrokenCore(image);
        try
        {
            var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
            runner.Load(context.LoadFromAssemblyPath(typeof(SeededFaultsTests).Assembly.Location),
                new Dictionary<string, object>
                {
                    ["NumberOfTestWorkers"] = 0,
                });
            ITestResult? result = null;
            // Neither knows of the other: the run inside has a thread without this test's context.
            using (ExecutionContext.SuppressFlow())
            {
                var thread = new Thread(() => result = runner.Run(TestListener.NULL, new Named(tests)));
                thread.Start();
                thread.Join();
            }
            return result!;
        }
        finally
        {
            context.Unload();
        }
    }

    private static string Messages(ITestResult result) =>
        string.Join('\n', result.Children.Select(Messages).Prepend(result.HasChildren ? "" : result.Message));

    /// <summary>From SeededFaults.md, which says in which form.</summary>
    private static IEnumerable<Fault> Faults => Read();

    private static List<Fault> Read()
    {
        var faults = new List<Fault>();
        var (file, old, changed) = ("", new List<string>(), new List<string>());
        var edits = ImmutableArray.CreateBuilder<Edit>();
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
                faults.Add(new Fault(name, edits.ToImmutable(), line[5..]));
                edits.Clear();
            }
        }
        return faults;

        void Flush()
        {
            if (old.Count > 0)
                edits.Add(new Edit(file, string.Join('\n', old) + "\n", string.Join('\n', changed) + "\n"));
            old.Clear();
            changed.Clear();
        }
    }

    public sealed record Edit(string File, string Old, string New);

    public sealed record Fault(string Name, ImmutableArray<Edit> Edits, string Red)
    {
        public override string ToString() => Name;
    }

    // Core from the image; all else, NUnit too, is this process's.
    private sealed class BrokenCore(Stream image) : AssemblyLoadContext("broken", isCollectible: true)
    {
        private Assembly? _core;

        protected override Assembly? Load(AssemblyName name) =>
            name.Name == typeof(SecretBuffer).Assembly.GetName().Name ? _core ??= LoadFromStream(image) : null;
    }

    private sealed class Named(string[] parts) : TestFilter
    {
        public override bool Match(ITest test) =>
            !test.IsSuite && parts.Any(part => test.FullName.Contains(part, StringComparison.Ordinal));

        public override TNode AddToXml(TNode parentNode, bool recursive) => parentNode.AddElement("named");
    }
}

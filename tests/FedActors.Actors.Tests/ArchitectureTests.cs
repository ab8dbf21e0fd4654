using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Xml.Linq;
using Akka.Actor;
using FedActors.Core;

namespace FedActors.Actors.Tests;

/// <summary>The arrows between projects, and what may stand in a message.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["FedActors.Core"] = [],
        ["FedActors.Actors"] = ["FedActors.Core"],
        ["FedActors.Node"] = ["FedActors.Actors", "FedActors.PetabridgeCmd"],
        ["FedActors.PetabridgeCmd"] = ["FedActors.Actors"],
        ["FedActors.Simulation"] = ["FedActors.Actors"],
        ["FedActors.Cli"] = ["FedActors.Simulation"],
    };

    [Test]
    public void Every_project_of_src_has_its_arrows_and_no_others()
    {
        var found = Directory.GetFiles(Path.Combine(Root(), "src"), "*.csproj", SearchOption.AllDirectories)
            .ToDictionary(
            file => Path.GetFileNameWithoutExtension(file),
            file => XDocument.Load(file).Descendants("ProjectReference")
                .Select(reference =>
                    Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')))
                .ToArray());
        Assert.That(found.Keys, Is.EquivalentTo(Arrows.Keys));
        foreach (var (project, references) in found)
            Assert.That(references, Is.EquivalentTo(Arrows[project]), project);
    }

    [Test]
    public void Core_stands_on_the_base_library_and_MathNet_alone()
    {
        var strangers = References(typeof(Fault).Assembly)
            .Where(name => name != "MathNet.Numerics" && name != "System"
                && !name.StartsWith("System.", StringComparison.Ordinal));
        Assert.That(strangers, Is.Empty);
    }

    [Test]
    public void A_node_never_meets_the_simulation() =>
        Assert.That(Closure(Assembly.Load("fedactors-node")),
            Has.None.EqualTo("FedActors.Simulation").And.None.EqualTo("fedactors"));

    [Test]
    public void Actors_never_meet_the_simulation_a_node_or_the_command_line() =>
        Assert.That(
            Closure(typeof(Coordinator).Assembly)
            .Where(name => name.StartsWith("fedactors", StringComparison.OrdinalIgnoreCase)),
            Is.EquivalentTo((string[])["FedActors.Core"]));

    [Test]
    public void Messages_are_sealed_records_that_can_cross_a_network()
    {
        var protocols = typeof(Fault).Assembly.GetTypes()
            .Where(type => type.Namespace == "FedActors.Core.Protocol"
                && type is { IsAbstract: true, IsSealed: true, IsNested: false })
            .ToList();
        var messages = protocols.SelectMany(protocol => protocol.GetNestedTypes())
            .Where(type => type is { IsInterface: false, IsEnum: false, IsAbstract: false }).ToList();
        Assert.That(messages, Is.Not.Empty);
        Assert.That(messages.SelectMany(FaultsOf), Is.Empty);
    }

    [TestCase(typeof(Bad.NotSealed), "not sealed")]
    [TestCase(typeof(Bad.NotARecord), "not a record")]
    [TestCase(typeof(Bad.Reference), "IActorRef")]
    [TestCase(typeof(Bad.Anything), "Object")]
    [TestCase(typeof(Bad.Mutable), "Double[]")]
    [TestCase(typeof(Bad.MutableList), "List`1")]
    [TestCase(typeof(Bad.ReadOnlyView), "IReadOnlyList`1")]
    [TestCase(typeof(Bad.LeakingMemory), "ReadOnlyMemory`1")]
    [TestCase(typeof(Bad.Settable), "can be set")]
    [TestCase(typeof(Bad.DeepInside), "IActorRef")]
    public void A_message_that_cannot_cross_a_network_is_found(Type message, string expected) =>
        Assert.That(FaultsOf(message), Has.Some.Contains(expected));

    [TestCase(typeof(Good.Plain))]
    [TestCase(typeof(Good.Collections))]
    public void A_message_that_can_is_left_alone(Type message) => Assert.That(FaultsOf(message), Is.Empty);

    private static IEnumerable<string> FaultsOf(Type message)
    {
        if (!message.IsSealed)
            yield return $"{message.Name}: not sealed";
        if (message.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is null)
            yield return $"{message.Name}: not a record";
        foreach (var fault in FaultsWithin(message, message.Name, []))
            yield return fault;
    }

    private static IEnumerable<string> FaultsWithin(Type type, string path, HashSet<Type> seen)
    {
        if (!seen.Add(type))
            yield break;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.GetIndexParameters().Length == 0))
        {
            var place = $"{path}.{property.Name}";
            if (property.SetMethod is { } set
                && !set.ReturnParameter.GetRequiredCustomModifiers().Any(modifier => modifier.Name == "IsExternalInit"))
                yield return $"{place}: can be set";
            foreach (var part in Parts(property.PropertyType))
            {
                if (part == typeof(object) || part.IsArray || typeof(IActorRef).IsAssignableFrom(part)
                    || typeof(Delegate).IsAssignableFrom(part)
                    || Generic(part) is var generic
                    && (generic == typeof(ReadOnlyMemory<>) || generic == typeof(Memory<>))
                    || IsMutableCollection(part))
                    yield return $"{place}: {part.Name}";
                else if (part.Assembly.GetName().Name!.StartsWith("FedActors", StringComparison.Ordinal)
                    && !part.IsEnum)
                    foreach (var fault in FaultsWithin(part, place, seen))
                        yield return fault;
            }
        }
    }

    /// <summary>The type itself and the types it is made of: those of an ImmutableArray, a dictionary, a nullable, a
    /// tuple.</summary>
    private static IEnumerable<Type> Parts(Type type) => type.GetGenericArguments().SelectMany(Parts).Prepend(type);

    // An interface that only reads may still show a collection that someone else changes.
    private static bool IsMutableCollection(Type type) =>
        type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type)
        && type.Namespace is not ("System.Collections.Immutable" or "System.Collections.Frozen");

    private static Type? Generic(Type type) => type.IsGenericType ? type.GetGenericTypeDefinition() : null;

    private static IEnumerable<string> References(Assembly assembly) =>
        assembly.GetReferencedAssemblies().Select(reference => reference.Name!);

    /// <summary>All assemblies within reach, but for those of the base library.</summary>
    private static HashSet<string> Closure(Assembly assembly)
    {
        var found = new HashSet<string>();
        var open = new Queue<Assembly>([assembly]);
        while (open.TryDequeue(out var next))
            foreach (var name in References(next)
                .Where(name => name.StartsWith("fedactors", StringComparison.OrdinalIgnoreCase)))
                if (found.Add(name))
                    open.Enqueue(Assembly.Load(name));
        return found;
    }

    internal static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "FedActors.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("There is no FedActors.sln above the tests.");
        return folder.FullName;
    }

    private static class Good
    {
        public sealed record Plain(int Round, string? Reason, DateTimeOffset At, ReadOnlyFields Fields, Guid? Id);

        public sealed record Collections(
            ImmutableArray<byte> Bytes, ImmutableDictionary<string, ImmutableList<int>> Map);

        public readonly record struct ReadOnlyFields(long A, FaultNumber B);
    }

    private static class Bad
    {
        public record NotSealed(int Round);

        public sealed class NotARecord;

        public sealed record Reference(IActorRef Actor);

        public sealed record Anything(object Payload);

        public sealed record Mutable(double[] Weights);

        public sealed record MutableList(ImmutableArray<List<int>> Lists);

        public sealed record ReadOnlyView(IReadOnlyList<int> View);

        public sealed record LeakingMemory(ReadOnlyMemory<byte>? Bytes);

        public sealed record Settable
        {
            public int Round { get; set; }
        }

        public sealed record DeepInside(ImmutableArray<Reference> Inner);
    }
}

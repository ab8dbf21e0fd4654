using Akka.Configuration;

namespace FedActors.Actors.Configuration;

/// <summary>The defaults of every key, from <c>hocon/</c> as it was built in.</summary>
public static class Reference
{
    /// <summary>Of jobs and nodes.</summary>
    public static Config Config { get; } = Load("reference.conf");

    /// <summary>Of a hospital's policy.</summary>
    public static Config Policy { get; } = Load("policy.conf");

    private static Config Load(string name)
    {
        using var stream = typeof(Reference).Assembly.GetManifestResourceStream($"FedActors.{name}")
            ?? throw new InvalidOperationException($"{name} was not built in.");
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString(reader.ReadToEnd());
    }
}

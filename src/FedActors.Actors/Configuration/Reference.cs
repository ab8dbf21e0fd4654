using Akka.Configuration;

namespace FedActors.Actors.Configuration;

/// <summary>The defaults of every key, from <c>hocon/reference.conf</c> as it was built in.</summary>
public static class Reference
{
    public static Config Config { get; } = Load();

    private static Config Load()
    {
        using var stream = typeof(Reference).Assembly.GetManifestResourceStream("FedActors.reference.conf")
            ?? throw new InvalidOperationException("reference.conf was not built in.");
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString(reader.ReadToEnd());
    }
}

using Akka.Configuration;
using FedActors.Actors.Configuration;
using FedActors.Actors.Data;
using FedActors.Core;
using FedActors.Core.Data;

namespace FedActors.Actors.Tests.Data;

/// <summary>Loads the samples of this repository.</summary>
internal static class SampleData
{
    public static string Repository { get; } = Above(folder => File.Exists(Path.Combine(folder, "FedActors.sln")))
        ?? throw new InvalidOperationException("The tests run outside their repository.");

    public static DataPlan Plan(string sample, string overrides = "")
    {
        var file = Path.Combine(Repository, "samples", sample, "job.conf");
        var faults = new List<Fault>();
        var config = ConfigurationFactory.ParseString(overrides)
            .WithFallback(ConfigurationFactory.ParseString(File.ReadAllText(file)));
        var plan = DataSection.Read(HoconReader.Of(config, "job.data", file, faults));
        return faults.Count == 0 ? plan : throw new FaultException(faults);
    }

    public static FederatedData Load(string sample, string? dataDirectory = null, string overrides = "") =>
        DataLoader.Load(Plan(sample, overrides), Path.Combine(Repository, "samples", sample), dataDirectory);

    private static string? Above(Func<string, bool> found)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (found(folder.FullName))
                return folder.FullName;
        }
        return null;
    }
}

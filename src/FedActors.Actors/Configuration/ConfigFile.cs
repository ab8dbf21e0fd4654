using FedActors.Core;
using FedActors.Core.Federation;

namespace FedActors.Actors.Configuration;

/// <summary>Any of the files that FedActors reads, by its one section: a node's, a job's or a policy's.</summary>
public static class ConfigFile
{
    /// <summary>Checks the whole file, and of a hub's file also the job it names.</summary>
    /// <returns>What it is a file of: <c>node</c>, <c>job</c> or <c>policy</c>.</returns>
    /// <exception cref="FaultException">Everything that is wrong with it, told together.</exception>
    public static string Check(string path)
    {
        var kind = KindOf(path);
        switch (kind)
        {
            case "node":
                if (NodeFile.Read(path).Hub?.Job is { } job)
                    CheckJob(job);
                break;
            case "job":
                CheckJob(path);
                break;
            default:
                PolicyFile.Read(path);
                break;
        }
        return kind;
    }

    private static void CheckJob(string path)
    {
        var faults = new List<Fault>();
        var file = JobFile.Open(path, []);
        var plan = file.Read(faults);
        if (file.HasData)
        {
            var data = DataSection.Read(file.Data(faults));
            if (faults.Count == 0)
                plan = FederationJob.Complete(plan, data.Schema);
        }
        if (faults.Count == 0 && file.HasData)
            faults.AddRange(ModelRules.Faults(plan, Names.OfAny, path));
        if (faults.Count > 0)
            throw new FaultException(faults);
    }

    private static string KindOf(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(FaultNumber.NodeFileMissing,
                $"The file cannot be read: {e.Message.TrimEnd('.')}.", path,
                "Give the path of a node's, a job's or a policy's file."));
        }
        var keys = HoconReader.Of(JobFile.Parse(text, path).Root.AtKey("root"), "root", path, []).Keys;
        return keys.FirstOrDefault(key => key is "node" or "job" or "policy") ?? throw new FaultException(new Fault(
            FaultNumber.ConfigOfNoKind, "The file has none of the sections node, job and policy.", path,
            $"{(keys.Count == 0 ? "It is empty" : $"It has: {string.Join(", ", keys)}")}. The files in hocon/ are ones "
                + "to begin with."));
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;
using FedActors.Actors.Data;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary><c>fedactors privacy</c>: what noise promises, what noise a promise needs, and what a hospital's ledger
/// holds.</summary>
internal static class PrivacyCommands
{
    private static readonly string[] Accountants = ["rdp", "rdp-integer", "pld"];

    public static Command Create(Terminal terminal, Option<bool> json) =>
        new("privacy", "Bounds on what a training reveals about one patient.")
    {
        Question(
            terminal, json, "epsilon", "Epsilon of so many steps at one noise and sampling rate.",
            "fedactors privacy epsilon --sampling-rate 0.01 --noise-multiplier 1.1 --steps 1000 --delta 1e-6",
            [SamplingRate, NoiseMultiplier, Steps, Delta], Accountants, Epsilon, ["epsilon", "accountant", "order"]),
        Question(
            terminal, json, "noise", "The least noise for an epsilon.",
            "fedactors privacy noise --epsilon 2 --delta 1e-6 --sampling-rate 0.01 --steps 1000",
            [EpsilonTarget, Delta, SamplingRate, Steps], ["rdp", "pld"], Noise, ["noise_multiplier", "epsilon_spent"]),
        Question(
            terminal, json, "gaussian",
            "The least noise for an epsilon, for a single release of everybody (analytic Gaussian mechanism).",
            "fedactors privacy gaussian --epsilon 1 --delta 1e-6",
            [EpsilonTarget, Delta], [], Gaussian, ["noise_multiplier"]),
        PrivacyPlanCommand.Create(terminal, json),
        LedgerCommands.Create(terminal, json),
        LedgerCommands.Status(terminal, json),
        LedgerCommands.Reconcile(terminal, json),
    };

    private sealed record Parameter(string Name, string Description, Func<double, IEnumerable<Fault>> Check)
    {
        public string Column => Name.Replace('-', '_');
    }

    private static Parameter EpsilonTarget => new("epsilon", "The promise asked for, above 0.", PrivacyRange.Epsilon);

    private static Parameter Delta =>
        new("delta", "Probability that the promise fails, above 0 and below 1.", PrivacyRange.Delta);

    private static Parameter SamplingRate =>
        new("sampling-rate", "Share of patients that a step draws, above 0 and at most 1.", PrivacyRange.SamplingRate);

    private static Parameter NoiseMultiplier => new(
        "noise-multiplier", "Standard deviation of the noise over the clipping norm, above 0.",
        PrivacyRange.NoiseMultiplier);

    private static Parameter Steps => new("steps", "Noisy sums released, at least 1.", PrivacyRange.Steps);

    /// <summary>The values of one row by parameter, and the accountant's name.</summary>
    private sealed record Row(IReadOnlyDictionary<string, double> Values, string Accountant)
    {
        public double this[string name] => Values[name];

        public long Steps => (long)Values["steps"];
    }

    /// <summary>Results as JSON; the CSV's columns are found in it by their names in camel case.</summary>
    private static JsonObject Epsilon(Row row)
    {
        var spent = AccountantOf(row.Accountant)
            .Compose(new DpEvent.SampledGaussian(row["sampling-rate"], row["noise-multiplier"], row.Steps))
            .Spent(row["delta"]);
        return new()
        {
            ["epsilon"] = spent.Epsilon,
            ["delta"] = row["delta"],
            ["accountant"] = row.Accountant,
            ["order"] = spent.Order
        };
    }

    private static JsonObject Noise(Row row)
    {
        var (noise, spent) = Calibration.Noise(
            AccountantOf(row.Accountant), row["epsilon"], row["delta"], row["sampling-rate"], row.Steps);
        return new() { ["noiseMultiplier"] = noise, ["epsilon"] = spent.Epsilon };
    }

    private static JsonObject Gaussian(Row row) =>
        new() { ["noiseMultiplier"] = AnalyticGaussian.Sigma(row["epsilon"], row["delta"]) };

    private static IPrivacyAccountant AccountantOf(string name) => name switch
    {
        "pld" => PldAccountant.Empty,
        "rdp-integer" => RdpAccountant.Integer,
        _ => RdpAccountant.Standard,
    };

    private static CommandWithExample Question(
        Terminal terminal, Option<bool> json, string name, string description, string example,
        Parameter[] parameters, string[] accountants, Func<Row, JsonObject> answer, string[] columns)
    {
        var options = parameters.ToDictionary(
            parameter => parameter.Name,
            parameter =>
                new Option<string?>($"--{parameter.Name}")
                {
                    Description = parameter.Description,
                    HelpName = "NUMBER"
                });
        var accountant = new Option<string?>("--accountant")
        {
            Description =
                $"{string.Join(" or ", accountants)}; default rdp. rdp: Renyi orders 1.1 to 1024; rdp-integer: the "
                    + "integers among "
                + "them, proven for the discrete noise; pld: the tightest figure, for information.",
            HelpName = "NAME",
        };
        var from = new Option<string?>("--from")
        {
            Description =
                "Answer each row of a CSV file with the columns "
                    + $"{string.Join(", ", parameters.Select(p => p.Column))}, and print it with the answers.",
            HelpName = "FILE.csv",
        };
        var command = new CommandWithExample(name, description, example);
        foreach (var option in options.Values)
            command.Add(option);
        if (accountants.Length > 0)
            command.Add(accountant);
        command.Add(from);
        command.SetAction(parsed =>
        {
            var given = options.ToDictionary(pair => pair.Key, pair => parsed.GetValue(pair.Value));
            given["accountant"] = accountants.Length > 0 ? parsed.GetValue(accountant) : null;
            if (parsed.GetValue(from) is { } file)
            {
                var table = Table.Read(file);
                var (rows, faults) = table.Rows(parameters, accountants, given, columns);
                if (faults.Count > 0)
                    throw new FaultException(faults);
                var answers = rows.AsParallel().AsOrdered().Select(answer).ToArray();
                if (parsed.GetValue(json))
                    terminal.OutputText.WriteLine(new JsonArray([.. answers]).ToJsonString(ResultJson.Indented));
                else
                    table.Write(terminal.OutputText, answers, columns);
                return (int)ExitCode.Done;
            }

            var found = new List<Fault>();
            var row = ReadRow(parameters, accountants, key => given[key], key => $"--{key}", found);
            if (found.Count > 0)
                throw new FaultException(found);
            var result = answer(row);
            if (parsed.GetValue(json))
                terminal.OutputText.WriteLine(result.ToJsonString(ResultJson.Indented));
            else
                foreach (var (key, value) in result)
                    terminal.OutputText.WriteLine($"{key,-16} {value?.GetValueKind() switch
                    {
                        null => FigureText.None,
                        JsonValueKind.Number => NumberText.Of(value.GetValue<double>()),
                        _ => value.ToString(),
                    }}");
            return (int)ExitCode.Done;
        });
        return command;
    }

    /// <summary>Reads one row's values; what is wrong is added to <paramref name="faults"/>.</summary>
    private static Row ReadRow(
        Parameter[] parameters, string[] accountants,
        Func<string, string?> value, Func<string, string> place, List<Fault> faults)
    {
        var values = new Dictionary<string, double>();
        foreach (var parameter in parameters)
        {
            var where = place(parameter.Name);
            if (value(parameter.Name) is not { } text)
                faults.Add(
                    new Fault(FaultNumber.Usage, $"{parameter.Name} is not given.", where,
                        $"Give it. {parameter.Description}"));
            else if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                faults.Add(
                    new Fault(FaultNumber.NotANumber, $"'{text}' stands where a number belongs.", where,
                        $"Write a number. {parameter.Description}"));
            else
            {
                values[parameter.Name] = number;
                faults.AddRange(parameter.Check(number).Select(fault => fault with { Where = where }));
            }
        }
        var accountant = accountants.Length > 0 && value("accountant") is { Length: > 0 } name ? name : "rdp";
        if (accountants.Length > 0 && !accountants.Contains(accountant))
            faults.Add(new Fault(
                FaultNumber.UnknownName, $"There is no accountant '{accountant}' here.", place("accountant"),
                $"Choose {string.Join(" or ", accountants)}."));
        return new Row(values, accountant);
    }

    /// <summary>A CSV file as it was read.</summary>
    private sealed record Table(string File, string[] Header, RawRow[] Lines)
    {
        public static Table Read(string file)
        {
            try
            {
                var rows = CsvFile.Rows(file, ',').ToArray();
                if (rows.Length > 0)
                    return new Table(file, [.. rows[0].Fields], rows[1..]);
                throw new FaultException(new Fault(
                    FaultNumber.RowMalformed, "The file is empty.", file,
                    "Give a header, and a row for each question."));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new FaultException(new Fault(
                    FaultNumber.DataFileMissing, $"The file cannot be read: {failure.Message}", file,
                    "Give the path of a CSV file."));
            }
        }

        public (List<Row> Rows, List<Fault> Faults) Rows(
            Parameter[] parameters, string[] accountants, Dictionary<string, string?> given, string[] added)
        {
            var faults = new List<Fault>();
            foreach (var twice in Header.GroupBy(name => name).Where(group => group.Count() > 1))
                faults.Add(
                    new Fault(FaultNumber.DuplicateName, $"The column '{twice.Key}' stands twice.", $"{File}: line 1",
                        "Keep one of them."));
            string[] asked =
                [.. parameters.Select(parameter => parameter.Name),
                    .. accountants.Length > 0 ? new[] { "accountant" } : []];
            var columns = asked.ToDictionary(name => name, name => Array.IndexOf(Header, name.Replace('-', '_')));
            foreach (var name in asked)
                if (columns[name] >= 0 && given[name] is not null)
                    faults.Add(new Fault(
                        FaultNumber.NotAllowedTogether, $"--{name} is given, and so is a column of the file.",
                        $"{File}: column '{name.Replace('-', '_')}'",
                        "Leave one of them out."));
                else if (columns[name] < 0 && given[name] is null && name != "accountant")
                    faults.Add(new Fault(
                        FaultNumber.MissingColumn, $"There is no column '{name.Replace('-', '_')}'.", $"{File}: line 1",
                        $"Add it, or give --{name} for all rows."));
            foreach (var name in Header.Intersect(added).Where(name => name != "accountant"))
                faults.Add(new Fault(
                    FaultNumber.DuplicateName, $"The column '{name}' would be overwritten by the answer.",
                    $"{File}: line 1", "Rename it."));
            if (faults.Count > 0)
                return ([], faults);

            var rows = new List<Row>();
            foreach (var line in Lines)
            {
                var problem = line.Problem ?? (line.Fields.Length == Header.Length
                    ? null
                    : $"The row has {line.Fields.Length} columns, the header {Header.Length}.");
                if (problem is null)
                    rows.Add(ReadRow(
                        parameters, accountants, name => columns[name] < 0 ? given[name] : line.Fields[columns[name]],
                        name => $"{File}: line {line.Line}, column '{name.Replace('-', '_')}'", faults));
                else
                    faults.Add(
                        new Fault(FaultNumber.RowMalformed, problem, $"{File}: line {line.Line}",
                            "Give every row a value for every column."));
            }
            return (rows, faults);
        }

        public void Write(TextWriter output, JsonObject[] answers, string[] columns)
        {
            using var csv = CsvWriter.Create(output, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
            string[] added = [.. columns.Where(column => !Header.Contains(column))];
            csv.WriteHeader((string[])[.. Header, .. added]);
            foreach (var (line, answer) in Lines.Zip(answers))
                csv.WriteRecord((string[])[.. line.Fields, .. added.Select(column => Text(answer[Key(column)]))]);
        }

        private static string Key(string column) => column switch
        {
            "noise_multiplier" => "noiseMultiplier",
            "epsilon_spent" => "epsilon",
            _ => column,
        };

        private static string Text(JsonNode? value) => value?.GetValueKind() switch
        {
            null => "",
            JsonValueKind.Number => value.GetValue<double>().ToString("R", CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };
    }
}

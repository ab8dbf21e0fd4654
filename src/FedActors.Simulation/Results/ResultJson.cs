using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FedActors.Simulation.Results;

/// <summary>How results are written as JSON: camelCase, numbers that round-trip, null for a number that does not
/// exist.</summary>
public static class ResultJson
{
    /// <summary>Over several lines, for people.</summary>
    public static JsonSerializerOptions Indented { get; } = Options(indented: true);

    /// <summary>On one line.</summary>
    public static JsonSerializerOptions Compact { get; } = Options(indented: false);

    private static JsonSerializerOptions Options(bool indented)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            WriteIndented = indented,
            // Readable quotes and letters; these documents are never put into a page.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            NewLine = "\n",
            // A figure that a kind of model does not have is null and left out; one that does not exist is NaN and
            // written as null.
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            RespectRequiredConstructorParameters = true,
            RespectNullableAnnotations = true,
            Converters = { new DoubleOrNull(), new FigureOrNull() },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    // Where the key stands there is a figure, though it may not exist: null reads as NaN.
    private sealed class FigureOrNull : JsonConverter<double?>
    {
        public override bool HandleNull => true;

        public override double? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double? value, JsonSerializerOptions options)
        {
            if (value is { } figure && double.IsFinite(figure))
                writer.WriteNumberValue(figure);
            else
                writer.WriteNullValue();
        }
    }

    private sealed class DoubleOrNull : JsonConverter<double>
    {
        public override bool HandleNull => true;

        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }
    }
}
